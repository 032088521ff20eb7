"""A reserve of disk space: on a full disk even a delete needs a few pages of the catalogue, so the reserve is
released.
"""

import os
from pathlib import Path

import structlog

_BYTES = 4 * 1024 * 1024

log = structlog.get_logger()


class DiskReserve:
    """A file without meaningful content. Both methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, space: int) -> None:
        """Allocate the reserve again, unless that would leave less than `space` bytes free."""
        status = os.statvfs(self._path.parent)
        if self._path.exists() or status.f_bavail * status.f_frsize < space + _BYTES:
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _BYTES)
        # the space was taken meanwhile, or files cannot grow that large: run without a reserve
        except OSError as error:
            self._path.unlink()
            log.warning("disk_reserve.missing", error=str(error))

    def release(self) -> bool:
        """Release the reserve. Returns False if it was already released."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
