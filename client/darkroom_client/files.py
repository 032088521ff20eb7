"""A local file to upload: its name, its content type, and its bytes in chunks."""

import asyncio
import hashlib
import mimetypes
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from darkroom_client.errors import FileChanged, UnusableFile
from darkroom_shared.times import utc_now
from darkroom_shared.uploads import LARGEST_ITEM_BYTES, MEBIBYTE, NAME_CHARACTERS

CHUNK_BYTES = MEBIBYTE
"""Large enough that httpx's overhead per chunk is negligible."""
UNKNOWN_CONTENT_TYPE = "application/octet-stream"
CONTENT_TYPES = {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".dng": "image/x-adobe-dng",
    ".cr2": "image/x-canon-cr2",
    ".nef": "image/x-nikon-nef",
    ".arw": "image/x-sony-arw",
    ".mkv": "video/x-matroska",
    ".m4v": "video/mp4",
    ".3gp": "video/3gpp",
}
"""Types that Python 3.11 does not know on every system."""
OLDEST_BELIEVABLE = datetime(1990, 1, 1, tzinfo=UTC)
"""Older file times come from a camera or a disk without a clock."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Open for reading until `opened` ends."""

    name: str
    """A valid item name."""
    content_type: str
    real_path: Path
    size_bytes: int
    modified_ns: int
    descriptor: int

    async def sha256(self, offset: int, length: int) -> str:
        """Return the hexadecimal digest. Runs in a thread; hashing and reading release the interpreter's lock."""
        return await asyncio.to_thread(self._sha256, offset, length)

    def body(self, offset: int, length: int, on_bytes: Callable[[int], None]) -> "FileBody":
        return FileBody(self, offset, length, on_bytes)

    async def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes. Raises FileChanged if the file has become shorter."""
        return await asyncio.to_thread(self._read, offset, length)

    async def require_unchanged(self) -> None:
        """Raises FileChanged if the file was written to since it was opened."""
        now = await asyncio.to_thread(os.fstat, self.descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size_bytes, self.modified_ns):
            raise self.changed()

    def changed(self) -> FileChanged:
        return FileChanged("the file changed while it was being uploaded; upload it again when it is complete")

    def _sha256(self, offset: int, length: int) -> str:
        digest = hashlib.sha256()
        end = offset + length
        while offset < end:
            chunk = self._read(offset, min(CHUNK_BYTES, end - offset))
            digest.update(chunk)
            offset += len(chunk)
        return digest.hexdigest()

    def _read(self, offset: int, length: int) -> bytes:
        try:
            chunk = os.pread(self.descriptor, length, offset)
        except OSError as error:
            raise UnusableFile(f"cannot be read: {error.strerror}") from error
        if len(chunk) < length:
            raise self.changed()
        return chunk


@dataclass(frozen=True, slots=True)
class FileBody:
    """The body of one request: a range of the file, chunk by chunk; it can be iterated again for a retry."""

    file: LocalFile
    offset: int
    length: int
    on_bytes: Callable[[int], None]
    """Called with the number of bytes handed over in this iteration so far."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        done = 0
        self.on_bytes(0)
        while done < self.length:
            chunk = await self.file.read(self.offset + done, min(CHUNK_BYTES, self.length - done))
            yield chunk
            done += len(chunk)
            self.on_bytes(done)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[LocalFile]:
    """Open a file. Raises UnusableFile, with a message for a person, if it cannot become an item."""
    file = await asyncio.to_thread(_open, path)
    try:
        yield file
    finally:
        os.close(file.descriptor)


def _open(path: Path) -> LocalFile:
    try:
        real_path = path.resolve()
        # Non-blocking, because opening a pipe would wait for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise UnusableFile(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    try:
        status = os.fstat(descriptor)
        _require_usable(status)
    except UnusableFile:
        os.close(descriptor)
        raise
    return LocalFile(
        name=item_name(path),
        content_type=content_type(path),
        real_path=real_path,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        descriptor=descriptor,
    )


def _require_usable(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnusableFile("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile("is not a regular file")
    if status.st_size == 0:
        raise UnusableFile("is empty (0 bytes)")
    if status.st_size > LARGEST_ITEM_BYTES:
        raise UnusableFile("is larger than 20 GiB, the largest item that the service takes")


def item_name(path: Path) -> str:
    """Return the file's name as a valid item name: undecodable bytes, control characters and slashes are replaced."""
    text = os.fsencode(path.name).decode("utf-8", "replace")
    cleaned = "".join("_" if ord(letter) < 0x20 or letter in "\x7f/\\" else letter for letter in text)
    return cleaned[:NAME_CHARACTERS] or "_"


def content_type(path: Path) -> str:
    """Return the type by the file name's suffix only; the service inspects the content."""
    ending = path.suffix.lower()
    return CONTENT_TYPES.get(ending) or mimetypes.guess_type(f"file{ending}")[0] or UNKNOWN_CONTENT_TYPE


def captured_at_hint(modified_ns: int) -> datetime | None:
    """Return the file's time in whole milliseconds; the service replaces it by a better one from the content."""
    seconds, nanoseconds = divmod(modified_ns, 1_000_000_000)
    try:
        moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1_000_000 * 1_000)
    except (OverflowError, ValueError, OSError):
        return None
    return moment if OLDEST_BELIEVABLE <= moment <= utc_now() else None
