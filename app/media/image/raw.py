"""Finds the finished JPEG in a camera's raw file of a TIFF-like format (DNG, CR2, NEF, ARW)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from app.media.image.tags import Folder, Tags

# Tags: TIFF 6.0, TIFF/EP (SubIFDs), DNG 1.7.
COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, ORIENTATION, STRIP_BYTES = 0x103, 0x106, 0x111, 0x112, 0x117
JPEG_OFFSET, JPEG_BYTES, INNER_FOLDERS, DNG_VERSION = 0x201, 0x202, 0x14A, 0xC612
OLD_JPEG, JPEG = 6, 7
SENSOR_MOSAIC, LINEAR_RAW = 32803, 34892
CANON_MARK_AT, CANON_MARK = 8, b"CR"

MAX_FOLDERS, MAX_INNER_FOLDERS = 32, 8
MAX_PREVIEW_BYTES = 128 * 1024 * 1024

# Start of frame, baseline to progressive with Huffman codes: present in an image, absent from a sensor's lossless
# data.
IMAGE_FRAMES = (0xC0, 0xC1, 0xC2)
MAX_JPEG_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """Offset and size in the file, in bytes."""

    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Raw:
    """`preview` is None if the camera stored none in the file."""

    preview: bytes | None
    orientation: int


def read_raw(file: BinaryIO) -> Raw | None:
    """Return None if the file is an ordinary TIFF, or too broken to decide."""
    try:
        tags = Tags.open_file(file)
        if tags is None:
            return None
        folders = list(_folders(tags))
        if not folders or not _is_raw(tags, folders):
            return None
        spans = [span for folder in folders for span in _spans(tags, folder)]
        orientation = tags.number(folders[0].entries.get(ORIENTATION), absent=1)
    except struct.error:  # an offset beyond the file
        return None
    for span in sorted(spans, key=lambda span: span.size, reverse=True):
        if _is_image(tags.read(span.at, min(span.size, MAX_JPEG_HEADER_BYTES))):
            return Raw(tags.read(span.at, span.size), orientation)
    return Raw(None, orientation)


def _folders(tags: Tags) -> Iterator[Folder]:
    """Yield each folder once, even if they form a cycle."""
    waiting, seen = [tags.first], set[int]()
    while waiting and len(seen) < MAX_FOLDERS:
        start = waiting.pop(0)
        if start == 0 or start in seen:
            continue
        seen.add(start)
        folder = tags.folder(start)
        yield folder
        waiting += [folder.next, *tags.numbers(folder.entries.get(INNER_FOLDERS), limit=MAX_INNER_FOLDERS)]


def _is_raw(tags: Tags, folders: list[Folder]) -> bool:
    if DNG_VERSION in folders[0].entries or tags.read(CANON_MARK_AT, len(CANON_MARK)) == CANON_MARK:
        return True
    return any(_photometric(tags, folder) in {SENSOR_MOSAIC, LINEAR_RAW} for folder in folders)


def _photometric(tags: Tags, folder: Folder) -> int:
    return tags.number(folder.entries.get(PHOTOMETRIC))


def _spans(tags: Tags, folder: Folder) -> Iterator[Span]:
    """Yield the ranges that this folder declares as JPEG data."""
    entries = folder.entries
    places = [(JPEG_OFFSET, JPEG_BYTES)]
    is_jpeg = tags.number(entries.get(COMPRESSION)) in {OLD_JPEG, JPEG}
    if is_jpeg and _photometric(tags, folder) not in {SENSOR_MOSAIC, LINEAR_RAW}:
        places.append((STRIP_OFFSETS, STRIP_BYTES))
    for offset, size in places:
        at, length = tags.numbers(entries.get(offset), limit=2), tags.numbers(entries.get(size), limit=2)
        if len(at) == len(length) == 1 and 0 < length[0] <= MAX_PREVIEW_BYTES:
            yield Span(at[0], length[0])


def _is_image(head: bytes) -> bool:
    """Return whether the bytes begin a JPEG whose frame is not lossless (ITU-T T.81, table B.1)."""
    if not head.startswith(b"\xff\xd8\xff"):
        return False
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker, size = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return marker in IMAGE_FRAMES
        at += 2 + size
    return False
