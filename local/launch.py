"""Exec the given command, which the kernel kills when the starting process ends; run as a plain file by its path.

The death signal is set here, after the fork and before the command, because running Python between fork and exec is
unsafe in a process with threads. The kernel keeps it across exec, but not for the command's own children: see
watchdog.py.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit("launch: the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        sys.exit("launch: the supervisor ended before its child began")
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell must run between the two
    except OSError as error:
        sys.exit(f"launch: {command[0]}: {error.strerror}")


main()
