"""The log of a part: a file rotated by size, with its last lines in memory."""

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

LAST_LINES = 20
LINE_BYTES = 500  # of each line stored for the terminal
MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 3


class PartLog:
    """Writes go to the page cache only, short and without fsync, so they run in the event loop."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._lines: deque[bytes] = deque(maxlen=LAST_LINES)
        self._unfinished = b""

    @property
    def last_lines(self) -> list[str]:
        lines = [*self._lines, self._unfinished] if self._unfinished else [*self._lines]
        return [line.decode(errors="replace") for line in lines[-LAST_LINES:]]

    def clear_lines(self) -> None:
        """Clear the lines before a new process starts, so that they are not mistaken for its own."""
        self._lines.clear()
        self._unfinished = b""

    def write(self, data: bytes) -> None:
        """Write to the file. Raises OSError if the disk is full; the lines are stored in memory in any case."""
        *whole, rest = (self._unfinished + data).split(b"\n")
        self._lines.extend(line[:LINE_BYTES] for line in whole[-LAST_LINES:])
        self._unfinished = rest[:LINE_BYTES]
        if self._size + len(data) > self._max_bytes:
            self._rotate()
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(MAX_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        self._file = self.path.open("ab", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
