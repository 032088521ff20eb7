"""Restrictions of a child, applied once in the child before it reads the source."""

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from app.media.sandbox import landlock, seccomp
from app.media.sandbox.system_calls import system_call

# linux/prctl.h, linux/capability.h, asm-generic/mman.h
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CAPABILITIES_VERSION = 0x20080522
PROT_READ, MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE = 0x1, 0x2, 0x20, 0x100000

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults for photos; the largest legal one takes 1,680 MiB of address space and 5 CPU seconds.

    That is a lossless WebP of 100 MP. From 100 MB on, libvips writes what cannot be read row by row (WebP, interlaced
    PNG) to a file of at most 800 MB. `file_bytes` limits each file, `output_bytes` their sum, which the template
    checks only periodically.
    """

    address_space_bytes: int = 1850 * MIB
    cpu_seconds: int | None = 60
    file_bytes: int = 1024 * MIB
    output_bytes: int = 3 * GIB
    open_files: int = 64
    niceness: int = 5


# The encoder of a long video. Only the item's deadline limits its time, and only the longest allowed video the size of
# its files: all rungs of four hours take about 30 GB, and joining one writes it three times.
ENCODER_LIMITS = Limits(
    address_space_bytes=6 * GIB,
    cpu_seconds=None,
    file_bytes=30 * GIB,
    output_bytes=64 * GIB,
    open_files=256,
    niceness=10,
)

# Each thread's arena takes 64 MB of the limited address space, and an encoder starts as many threads as cores.
ENCODER_ENVIRONMENT = b"GLIBC_TUNABLES=glibc.malloc.arena_max=8"


def exit_with_parent() -> None:
    """Make the kernel send SIGKILL to this process when the thread that started it ends."""
    _set_process_option(PR_SET_PDEATHSIG, signal.SIGKILL)


def prepare() -> None:
    """Compute once in the template what is the same for every child."""
    landlock.code_folders()
    seccomp.common_rules()


def confine(limits: Limits, folder: Path, *, source: Path, encoder: int | None, keep: int) -> None:
    """Restrict the process: it may read `source`, write into `folder` and report on the descriptor `keep`.

    Called once in a forked child, before it reads the source. Without an `encoder` it may start no program; otherwise
    it may only replace itself by the program open on that descriptor, with `become_encoder`. On a kernel without
    Landlock only the user's permissions protect files. Raises SeccompMissing.
    """
    os.nice(limits.niceness)
    os.umask(0o077)
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder)  # libvips spills here, not into /tmp
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; as a fatal signal it appears in the crash report
    _close_descriptors({keep} if encoder is None else {keep, encoder})
    _set_limits(limits)
    _drop_capabilities()
    _set_process_option(PR_SET_NO_NEW_PRIVS, 1)
    if encoder is not None:
        _map_empty_path()
    with suppress(landlock.LandlockMissing):  # already logged by the check at the worker's start
        landlock.restrict_files(folder, source, encoder)
    seccomp.install_filter(os.getpid(), encoder)


def become_encoder(encoder: int, arguments: Sequence[str]) -> NoReturn:
    """Replace this confined process by the program open on the descriptor `encoder`."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the new program would inherit that
    words = [b"ffmpeg", *(argument.encode() for argument in arguments)]
    system_call(
        "execveat",
        encoder,
        seccomp.EMPTY_PATH_ADDRESS,
        (ctypes.c_char_p * (len(words) + 1))(*words, None),
        (ctypes.c_char_p * 2)(ENCODER_ENVIRONMENT, None),
        seccomp.AT_EMPTY_PATH,
    )
    raise AssertionError("execveat returns only to fail")


def _set_limits(limits: Limits) -> None:
    # No RLIMIT_NPROC: it counts all threads of the user, not of this process, so any useful limit would stop libvips
    # from starting its own.
    fixed = {
        resource.RLIMIT_AS: limits.address_space_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in fixed.items():
        resource.setrlimit(kind, (value, value))
    if limits.cpu_seconds is not None:
        # The second between soft and hard lets SIGXCPU, which names the limit, precede SIGKILL, which does not.
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))


def _close_descriptors(keep: set[int]) -> None:
    """Close all but the three standard descriptors and those in `keep`."""
    lowest = 3
    for descriptor in sorted(keep):
        os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    os.closerange(lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _drop_capabilities() -> None:
    """Drop all capabilities, so that root is an ordinary user, too; with no_new_privs no program restores them."""
    system_call("capset", struct.pack("=Ii", CAPABILITIES_VERSION, 0), bytes(24))


def _map_empty_path() -> None:
    """Map a page of zeros, that is an empty string, at the address where the filter expects `become_encoder`'s path."""
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
    system_call("mmap", seccomp.EMPTY_PATH_ADDRESS, resource.getpagesize(), PROT_READ, flags, -1, 0)


def _set_process_option(option: int, value: int) -> None:
    system_call("prctl", option, value, 0, 0, 0)
