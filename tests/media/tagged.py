"""Builds TIFFs and camera raws from raw tags, in arrangements that no library writes."""

import struct
from dataclasses import dataclass, field

ASCII, LONG = 2, 4

Value = str | int | tuple[int, ...]
Entries = dict[int, Value]


@dataclass(slots=True)
class TaggedFile:
    """A little-endian file; `put` appends."""

    content: bytearray = field(default_factory=lambda: bytearray(b"II*\0\0\0\0\0"))

    def put(self, data: bytes) -> int:
        """Append the data at an even offset and return that offset."""
        if len(self.content) % 2:
            self.content += b"\0"
        at = len(self.content)
        self.content += data
        return at

    def folder(self, entries: Entries, *, next_folder: int = 0) -> int:
        """Append a folder of entries and return its offset.

        Texts are ASCII and numbers LONG, in the order of their tags.
        """
        entry_bytes = b""
        for tag, value in sorted(entries.items()):
            kind, count, data = _encode(value)
            field = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<L", self.put(data))
            entry_bytes += struct.pack("<HHL", tag, kind, count) + field
        return self.put(struct.pack("<H", len(entries)) + entry_bytes + struct.pack("<L", next_folder))

    def begin_at(self, folder: int) -> bytes:
        """Return the whole file, with `folder` as its first folder."""
        struct.pack_into("<L", self.content, 4, folder)
        return bytes(self.content)


def _encode(value: Value) -> tuple[int, int, bytes]:
    if isinstance(value, str):
        text = value.encode() + b"\0"
        return ASCII, len(text), text
    numbers = (value,) if isinstance(value, int) else value
    return LONG, len(numbers), struct.pack(f"<{len(numbers)}L", *numbers)
