"""The files that hold the bytes: begun in `incoming/`, moved to `files/` once the catalogue names them.

So what a crash leaves behind lies in `incoming/`, where the next start finds it without looking at all the others.
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
    """Ids sort by creation, which is the order in which uploads of one key are listed."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


class Files:
    """Everything here blocks: callers run it in threads."""

    def __init__(self, folder: Path, spare_bytes: int) -> None:
        self._incoming, self._places, self.spare_bytes = folder / "incoming", folder / "files", spare_bytes
        self._incoming.mkdir(parents=True, exist_ok=True)
        for shard in range(_SHARDS):
            (self._places / f"{shard:02x}").mkdir(parents=True, exist_ok=True)
        for created in (folder.parent, folder, self._places):
            _sync_folder(created)

    def require_space(self, size: int) -> None:
        """Raises InsufficientStorage when `size` bytes more would eat into what deletions and neighbours need."""
        status = os.statvfs(self._incoming)
        if status.f_bavail * status.f_frsize < size + self.spare_bytes:
            raise S3Error("InsufficientStorage")

    def create(self) -> tuple[str, int]:
        """The name of a new file in `incoming/`, and its descriptor."""
        name = new_content_id()
        return name, os.open(self._incoming / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def finish(self, descriptor: int) -> None:
        """After this the file and its name survive the loss of power."""
        os.fsync(descriptor)
        _sync_folder(self._incoming)

    def keep(self, name: str) -> None:
        (self._incoming / name).rename(self._place(name))

    def open(self, name: str) -> int:
        """A descriptor to read from. A file whose move was cut short is read where it is."""
        try:
            return os.open(self._place(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(self._incoming / name, os.O_RDONLY | os.O_CLOEXEC)

    def remove(self, names: Iterable[str]) -> None:
        """Removing what is gone already is no error."""
        for name in names:
            self._place(name).unlink(missing_ok=True)
            (self._incoming / name).unlink(missing_ok=True)

    def waiting(self) -> list[str]:
        """The names in `incoming/`."""
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
