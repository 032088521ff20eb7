"""Free space on the disk of a job's folder. A full disk is the machine's fault, so it must not look like the file's.

No child reports it reliably: the encoder's HLS muxer ignores every error of writing and exits with 0.
"""

import errno
import os
from pathlib import Path

MIN_FREE_BYTES = 64 * 1024 * 1024
"""Below this, files are taken to be truncated. A ladder is polled four times a second, and even at twenty times real
time its rungs (12 Mbit per second of video) grow by 8 MB between two polls: polls notice the disk that several encoders
fill before it is full. Exit codes and incomplete files reveal one that is filled and freed faster. `darkroom up` starts
with four times as much."""

NO_SPACE = os.strerror(errno.ENOSPC).lower()
"""What every library prints for ENOSPC, in the children's empty locale."""


def require_space(folder: Path) -> None:
    """Raise OSError (ENOSPC) if the folder's disk is full or nearly full."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < MIN_FREE_BYTES:
        raise no_space(f"{free} of {MIN_FREE_BYTES} bytes are free on the scratch folder's disk")


def no_space(reason: str) -> OSError:
    """Return the error of a full disk. It is no fault of the file, and counts as no attempt."""
    return OSError(errno.ENOSPC, reason)
