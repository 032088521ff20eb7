"""Outlives the supervisor by a moment and kills what it left behind; run as a plain file by its path.

Reads `+PID` and `-PID` lines: process groups that began and ended. When its input ends, the supervisor is gone,
however it went, and every group still listed is killed. This reaches grandchildren, which launch.py's bond does not.
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
