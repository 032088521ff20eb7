"""A finished file as a rendition: size and digest are computed by us, when no process can change it."""

import hashlib
import stat
from pathlib import Path

from app.media.results import RenditionFile


def is_whole(path: Path) -> bool:
    """Return whether the path is a regular file, no link, and not empty."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(state.st_mode) and state.st_size > 0


def rendition_of(path: Path, name: str, content_type: str, size: tuple[int, int] | None) -> RenditionFile | None:
    """Return None if the file is not whole. Reads all of it, so call it in a thread."""
    if not is_whole(path):
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
    width, height = size or (None, None)
    return RenditionFile(name, path.name, content_type, width, height, size_bytes, digest)
