"""What a child may use: called once in the child, before it looks at the source."""

import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """The hungriest legal photo, a lossless WebP of 100 MP, takes 1,680 MiB of address space and 5 CPU seconds.

    What cannot be read row by row (WebP, interlaced PNG) libvips spills into a file from 100 MB on: 800 MB at most.
    """

    address_space_bytes: int = 1850 * MIB
    cpu_seconds: int | None = 60
    file_bytes: int = 1024 * MIB
    open_files: int = 64
    niceness: int = 5


# The encoder of a long film: its time is bounded by the item's deadline alone, its largest file by the longest film's.
ENCODER_LIMITS = Limits(address_space_bytes=6 * GIB, cpu_seconds=None, file_bytes=30 * GIB, open_files=256, niceness=10)


def die_with_parent() -> None:
    """SIGKILL for this process when the thread that started it ends."""
    _set_process_option(PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(limits: Limits, folder: Path, *, source: Path, encoder: int | None, keep: int) -> None:
    """From here on the process may read `source`, write into `folder` and report on the descriptor `keep`.

    Called once in a forked child, before it looks at the source. Without an `encoder` it may start nothing; else it may
    replace itself by the program open on that descriptor, with `become_encoder`, and by nothing else.
    """
    # seccomp and Landlock join here, last, when the sandbox is built. RLIMIT_NPROC stays away: it counts every thread
    # of the user, not of this process, so any number low enough to help would stop libvips from starting its own.
    os.nice(limits.niceness)
    os.umask(0o077)
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder)  # libvips spills here, not into /tmp
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; as a death the limit shows in the capsule
    _close_descriptors({keep} if encoder is None else {keep, encoder})
    _set_limit(resource.RLIMIT_AS, limits.address_space_bytes)
    _set_limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
    _set_limit(resource.RLIMIT_CORE, 0)
    if limits.cpu_seconds is not None:
        # The second between soft and hard lets SIGXCPU, which names the limit, come before SIGKILL, which does not.
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    _set_process_option(PR_SET_NO_NEW_PRIVS, 1)


def _set_limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def become_encoder(encoder: int, arguments: Sequence[str]) -> NoReturn:
    """This confined process goes on as the program open on the descriptor `encoder`, in an empty environment."""
    os.execve(encoder, ["ffmpeg", *arguments], {})  # noqa: S606  # no shell is wanted


def _close_descriptors(keep: set[int]) -> None:
    """All but the three standard ones and those in `keep`."""
    lowest = 3
    for kept in sorted(keep):
        os.closerange(lowest, kept)
        lowest = kept + 1
    os.closerange(lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _set_process_option(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")
