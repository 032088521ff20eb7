"""Folders of tags, of which TIFF files and EXIF blocks are made (TIFF 6.0, section 2); reads only what is asked for."""

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
"""The bytes from an offset on, fewer where they end."""


@dataclass(frozen=True, slots=True)
class Entry:
    kind: int
    count: int
    at: int
    """Where its value stands, if it is no larger than four bytes; else where the value's offset stands."""


@dataclass(frozen=True, slots=True)
class Folder:
    entries: dict[int, Entry]
    next: int
    """Where the next page's folder begins; 0: nowhere."""


class Tags:
    """Every method raises `struct.error` where an offset points outside."""

    def __init__(self, read: Read, order: str, first: int) -> None:
        self._read, self._order, self.first = read, order, first

    @classmethod
    def open(cls, read: Read) -> Self | None:
        """None if it does not begin as such a block; BigTIFF does not either."""
        head = read(0, 8)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
        if order is None or len(head) < 8:
            return None
        return cls(read, order, struct.unpack_from(f"{order}L", head, 4)[0])

    @classmethod
    def open_block(cls, block: bytes) -> Self | None:
        return cls.open(lambda at, size: block[at : at + size])

    @classmethod
    def open_file(cls, file: BinaryIO) -> Self | None:
        def read(at: int, size: int) -> bytes:
            file.seek(at)
            return file.read(size)

        return cls.open(read)

    def folder(self, start: int) -> Folder:
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
        """None for what is absent or no text."""
        if entry is None or entry.kind != ASCII:
            return None
        at = entry.at if entry.count <= INLINE_BYTES else self._unpack("L", entry.at)[0]
        return self._read(at, min(entry.count, MAX_TEXT_BYTES)).split(b"\0")[0].decode("utf-8", "replace")

    def numbers(self, entry: Entry | None, *, limit: int) -> tuple[int, ...]:
        """The first `most` of them; none of what is absent or holds no whole numbers."""
        letter = NUMBER_LETTERS.get(entry.kind) if entry else None
        if entry is None or letter is None:
            return ()
        size = struct.calcsize(f"={letter}")
        at = entry.at if entry.count * size <= INLINE_BYTES else self._unpack("L", entry.at)[0]
        return self._unpack(letter * min(entry.count, limit), at)

    def number(self, entry: Entry | None, absent: int = 0) -> int:
        return next(iter(self.numbers(entry, limit=1)), absent)

    def read(self, at: int, size: int) -> bytes:
        return self._read(at, size)

    def _unpack(self, letters: str, at: int) -> tuple[int, ...]:
        letters = self._order + letters
        return struct.unpack(letters, self._read(at, struct.calcsize(letters)))
