"""Room that is held back to be given up: on a full disk a delete, too, needs a few pages of the catalogue."""

import os
from pathlib import Path

import structlog

_BYTES = 4 * 1024 * 1024

log = structlog.get_logger()


class DiskReserve:
    """A file of no content. Both calls block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, space: int) -> None:
        """Holds it back again, unless that would leave less than `room` bytes for everybody else."""
        status = os.statvfs(self._path.parent)
        if self._path.exists() or status.f_bavail * status.f_frsize < space + _BYTES:
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _BYTES)
        except OSError as error:  # somebody else was faster, or files may not grow that large: we do without
            self._path.unlink()
            log.warning("disk_reserve.missing", error=str(error))

    def give_up(self) -> bool:
        """False if it has been given up before."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
