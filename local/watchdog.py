"""Kill the supervisor's process groups after it ended, however it ended; run as a plain file by its path.

Reads `+PID` and `-PID` lines: process groups that began and ended. The end of its input means that the supervisor is
gone, and every group still listed is killed. This reaches grandchildren, which the death signal of launch.py does
not.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # these end the supervisor, and that ends us
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


main()
