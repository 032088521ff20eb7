"""Free space on the disk of a job's folder. A full disk is the machine's fault, so it must not look like the file's.

No child reports it reliably: the encoder's HLS muxer ignores every error of writing and exits with 0.
"""

import errno
import os
import tempfile
from pathlib import Path

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Below this, files are taken to be truncated. `darkroom up` starts with four times as much."""
MIN_FREE_BYTES_OF_LADDERS = 2 * MIN_FREE_BYTES
"""A ladder, which may fill any disk, ends before other jobs have too little space. It is polled four times a second;
even at twenty times real time its rungs (12 Mbit per second of video) grow by 8 MB between two polls. Exit codes and
messages reveal a disk that was full between two polls; without them incomplete files look like a crash."""
PROBE_BYTES = 1024 * 1024

FULL_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The errors of a full disk and of a user's exhausted quota, which `statvfs` does not show."""
_MESSAGES = tuple(os.strerror(number).lower() for number in FULL_DISK_ERRORS)
"""What every library prints for them, in the children's empty locale."""


def is_full(error: OSError) -> bool:
    return error.errno in FULL_DISK_ERRORS


def reports_full(text: str) -> bool:
    """Return whether a library's messages report a full disk."""
    text = text.lower()
    return any(message in text for message in _MESSAGES)


def require_space(folder: Path, min_free_bytes: int = MIN_FREE_BYTES) -> None:
    """Raise OSError (ENOSPC) if the folder's disk is full or nearly full."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < min_free_bytes:
        raise no_space(f"{free} of {min_free_bytes} bytes are free on the scratch folder's disk")


def require_writable(folder: Path) -> None:
    """Raise OSError if the folder's disk is full or nearly full, or this user's quota exhausted: it allocates some."""
    require_space(folder)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, PROBE_BYTES)


def no_space(reason: str) -> OSError:
    """Return the error of a full disk. It is not a fault of the file, and counts as no attempt."""
    return OSError(errno.ENOSPC, reason)
