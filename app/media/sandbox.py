"""What a child may use: called once in the child, before it looks at the source."""

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The hungriest legal photo, a lossless WebP of 100 MP, takes 1,680 MiB of address space and 5 CPU seconds.

    What cannot be read row by row (WebP, interlaced PNG) libvips spills into a file from 100 MB on: 800 MB at most.
    """

    address_space_bytes: int = 1850 * MIB
    cpu_seconds: int = 60
    file_bytes: int = 1024 * MIB
    open_files: int = 64
    niceness: int = 5


def die_with_parent() -> None:
    """SIGKILL for this process when the thread that started it ends."""
    _set_process_option(PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(limits: Limits, folder: Path, *, keep: int) -> None:
    """From here on the process owns `folder` as its place to write, and the descriptor `keep` to report on."""
    # seccomp and Landlock join here, last, when the sandbox is built. RLIMIT_NPROC stays away: it counts every thread
    # of the user, not of this process, so any number low enough to help would stop libvips from starting its own.
    os.nice(limits.niceness)
    os.umask(0o077)
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder)  # libvips spills here, not into /tmp
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; as a death the limit shows in the capsule
    _close_descriptors(keep)
    _set_limit(resource.RLIMIT_AS, limits.address_space_bytes)
    _set_limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
    _set_limit(resource.RLIMIT_CORE, 0)
    # The second between soft and hard lets SIGXCPU, which names the limit, come before SIGKILL, which does not.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    _set_process_option(PR_SET_NO_NEW_PRIVS, 1)


def _set_limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _close_descriptors(keep: int) -> None:
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(3, keep)
    os.closerange(keep + 1, highest)


def _set_process_option(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")
