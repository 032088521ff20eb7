"""A finished file as a rendition: size and digest are computed by us, when no process can change it."""

import hashlib
import stat
from pathlib import Path

from app.media.results import RenditionFile

# The encoder writes five boxes into a segment, and none of 4 GiB or more.
MAX_BOXES = 64


def is_whole(path: Path) -> bool:
    """Return whether the path is a regular file, no link, and not empty."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(state.st_mode) and state.st_size > 0


def ends_with_box(path: Path, last: bytes) -> bool:
    """Return whether a whole file consists of complete boxes (ISO/IEC 14496-12), the last one of this type."""
    kind, at, size = b"", 0, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(MAX_BOXES):
            header = file.read(8)
            length = int.from_bytes(header[:4], "big")
            if len(header) < 8 or length < 8:
                return False
            kind, at = header[4:], file.seek(at + length)
            if at >= size:
                return at == size and kind == last
    return False


def rendition_of(path: Path, name: str, content_type: str, size: tuple[int, int] | None) -> RenditionFile | None:
    """Return None if the file is not whole. Reads all of it, so call it in a thread."""
    if not is_whole(path):
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
    width, height = size or (None, None)
    return RenditionFile(name, path.name, content_type, width, height, size_bytes, digest)
