"""A streamed ZIP: stored without compression, ZIP64 where needed, at most one part in memory."""

import asyncio
import re
import unicodedata
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime

FOLDER = "originals/"
MAX_NAME_BYTES = 200
"""File systems allow 255 bytes; the rest is left for the number that distinguishes duplicates."""
EARLIEST, MAX_DATE = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The time of a ZIP entry has seven bits for the year and a resolution of two seconds."""
PERMISSIONS = 0o644 << 16
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Names:
    """Give every file a unique name that any system can unpack."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def take(self, requested: str) -> str:
        """Return `IMG_1.jpg`, then `IMG_1 (2).jpg`: unique also on file systems that ignore case or accents."""
        name = _safe(requested)
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if stem else (name, "")
        number = self._counts.get(_folded(name), 1)
        while _folded(name) in self._taken:
            number += 1
            name = f"{stem} ({number}){ending}"
        self._counts[_folded(f"{stem}{ending}")] = number
        self._taken.add(_folded(name))
        return name


class Archive:
    """A ZIP that is written entry by entry. `take` returns the bytes written so far; entry sizes need not be known."""

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_STORED, allowZip64=True)

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes that `take` would return."""
        return self._buffer.size

    def take(self, size_bytes: int | None = None) -> bytes:
        """Remove and return the first `size_bytes` bytes, or all."""
        return self._buffer.take(size_bytes)

    async def add(
        self, name: str, at: datetime, size_bytes: int, pieces: AsyncIterator[bytes]
    ) -> AsyncGenerator[int, None]:
        """Add an entry. Yields the length of each piece after it is written, so that the caller can send what is
        there."""
        info = zipfile.ZipInfo(name, min(max(at.timetuple()[:6], EARLIEST), MAX_DATE))
        info.external_attr, info.file_size = PERMISSIONS, size_bytes
        with self._zip.open(info, "w") as entry:
            async for piece in pieces:
                await asyncio.to_thread(entry.write, piece)
                yield len(piece)

    def close(self) -> None:
        """Write the central directory. Call `take` once more for the last bytes."""
        self._zip.close()


class _Buffer:
    """A file object that is written at its end and read from its front."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def size(self) -> int:
        return len(self._buffer)

    def write(self, data: bytes) -> int:
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        """Do nothing: every write is available at once."""

    def close(self) -> None:
        """Do nothing: the bytes can still be taken."""

    def take(self, size_bytes: int | None) -> bytes:
        end = self.size if size_bytes is None else size_bytes
        taken = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        return taken


def _safe(requested: str) -> str:
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", requested)).lstrip(".").rstrip(". ")
    if not name or _RESERVED.fullmatch(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > MAX_NAME_BYTES // 4:
        stem, dot, ending = name, "", ""
    gap = MAX_NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:gap].decode(errors="ignore") + dot + ending


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKD", name).casefold()
