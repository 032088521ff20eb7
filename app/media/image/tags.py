"""Reads folders of tags, the structure of TIFF files and EXIF blocks (TIFF 6.0, section 2), on demand."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self

ASCII, SHORT, LONG, FOLDER = 2, 3, 4, 13
NUMBER_LETTERS = {SHORT: "H", LONG: "L", FOLDER: "L"}
ENTRY_BYTES, INLINE_BYTES = 12, 4

MAX_ENTRIES = 512
MAX_TEXT_BYTES = 256

Read = Callable[[int, int], bytes]
"""Returns the bytes from an offset on, fewer at the end."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag of a folder. `kind` is TIFF's number of the type, `count` the number of values, `at` an offset."""

    kind: int
    count: int
    at: int
    """Position of the value if that has at most four bytes, otherwise position of the value's offset."""


@dataclass(frozen=True, slots=True)
class Folder:
    entries: dict[int, Entry]
    next: int
    """Offset of the next page's folder; 0 if there is none."""


class Tags:
    """Every method raises `struct.error` if an offset is out of range."""

    def __init__(self, read: Read, order: str, first: int) -> None:
        self._read, self._order, self.first = read, order, first

    @classmethod
    def open(cls, read: Read) -> Self | None:
        """Return None if the bytes are not such a block; BigTIFF is not."""
        head = read(0, 8)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
        if order is None or len(head) < 8:
            return None
        return cls(read, order, struct.unpack_from(f"{order}L", head, 4)[0])

    @classmethod
    def open_block(cls, block: bytes) -> Self | None:
        """Read from memory, for example an EXIF block. Returns None if it is no such block."""
        return cls.open(lambda at, size: block[at : at + size])

    @classmethod
    def open_file(cls, file: BinaryIO) -> Self | None:
        """Read from an open file. Returns None if it is no such file."""

        def read(at: int, size: int) -> bytes:
            file.seek(at)
            return file.read(size)

        return cls.open(read)

    def folder(self, start: int) -> Folder:
        """Read the folder at this offset, up to MAX_ENTRIES tags. Raises struct.error if it is cut off."""
        (count,) = self._unpack("H", start)
        limited = min(count, MAX_ENTRIES)
        content = self._read(start + 2, ENTRY_BYTES * limited + INLINE_BYTES)
        entries = {}
        for number in range(limited):
            tag, kind, length = struct.unpack_from(f"{self._order}HHL", content, ENTRY_BYTES * number)
            entries[tag] = Entry(kind, length, start + 2 + ENTRY_BYTES * number + 8)
        if limited < count:
            return Folder(entries, 0)
        return Folder(entries, struct.unpack_from(f"{self._order}L", content, ENTRY_BYTES * limited)[0])

    def text(self, entry: Entry | None) -> str | None:
        """Return None if the entry is absent or no text."""
        if entry is None or entry.kind != ASCII:
            return None
        at = entry.at if entry.count <= INLINE_BYTES else self._unpack("L", entry.at)[0]
        return self._read(at, min(entry.count, MAX_TEXT_BYTES)).split(b"\0")[0].decode("utf-8", "replace")

    def numbers(self, entry: Entry | None, *, limit: int) -> tuple[int, ...]:
        """Return the first `limit` numbers; none if the entry is absent or has no whole numbers."""
        letter = NUMBER_LETTERS.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        size = struct.calcsize(f"={letter}")
        at = entry.at if entry.count * size <= INLINE_BYTES else self._unpack("L", entry.at)[0]
        return self._unpack(letter * min(entry.count, limit), at)

    def number(self, entry: Entry | None, absent: int = 0) -> int:
        """Return the entry's first whole number, or `absent` if it has none."""
        return next(iter(self.numbers(entry, limit=1)), absent)

    def read(self, at: int, size: int) -> bytes:
        """Return the bytes at this offset; fewer than `size` at the end."""
        return self._read(at, size)

    def _unpack(self, letters: str, at: int) -> tuple[int, ...]:
        letters = self._order + letters
        return struct.unpack(letters, self._read(at, struct.calcsize(letters)))
