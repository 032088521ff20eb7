"""The files that hold the bytes: created in `incoming/`, moved to `files/` once the catalogue names them.

So a crash leaves files only in `incoming/`, and the next start finds them without scanning all others.
"""

import errno
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from local.objects.errors import S3Error

_SHARDS = 256


def new_content_id() -> str:
    """Return a new id. Ids sort by creation, which is the order in which uploads of one key are listed."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


class Files:
    """All methods block: callers run them in threads."""

    def __init__(self, folder: Path, spare_bytes: int) -> None:
        self._incoming, self._places, self.spare_bytes = folder / "incoming", folder / "files", spare_bytes
        self._incoming.mkdir(parents=True, exist_ok=True)
        for shard in range(_SHARDS):
            (self._places / f"{shard:02x}").mkdir(parents=True, exist_ok=True)
        for created in (folder.parent, folder, self._places):
            _sync_folder(created)

    def require_space(self, size: int) -> None:
        """Raises InsufficientStorage if `size` more bytes would use the space reserved for deletions and other
        processes.
        """
        status = os.statvfs(self._incoming)
        if status.f_bavail * status.f_frsize < size + self.spare_bytes:
            raise S3Error("InsufficientStorage")

    def create(self) -> tuple[str, int]:
        """Create a file in `incoming/`; return its name and descriptor."""
        name = new_content_id()
        return name, os.open(self._incoming / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def finish(self, descriptor: int) -> None:
        """Sync the file and its folder, so that both survive a power failure."""
        os.fsync(descriptor)
        _sync_folder(self._incoming)

    def keep(self, name: str) -> None:
        (self._incoming / name).rename(self._place(name))

    def open(self, name: str) -> int:
        """Return a descriptor for reading. A file whose move was interrupted is read from `incoming/`."""
        try:
            return os.open(self._place(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(self._incoming / name, os.O_RDONLY | os.O_CLOEXEC)

    def remove(self, names: Iterable[str]) -> None:
        """Delete the files. Absent ones are not an error."""
        for name in names:
            self._place(name).unlink(missing_ok=True)
            (self._incoming / name).unlink(missing_ok=True)

    def waiting(self) -> list[str]:
        """Return the names in `incoming/`."""
        return [entry.name for entry in os.scandir(self._incoming)]

    def _place(self, name: str) -> Path:
        return self._places / name[-2:] / name


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
