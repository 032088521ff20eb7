"""Capture time and camera from a photo's EXIF block, read by hand because a decoder's text form of it is ambiguous."""

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# Tags: Exif 2.32, tables 4 and 7.
MAKE, MODEL, EXIF_FOLDER = 0x010F, 0x0110, 0x8769
ORIGINAL_TIME, DIGITIZED_TIME = 0x9003, 0x9004
ORIGINAL_OFFSET, DIGITIZED_OFFSET = 0x9011, 0x9012
ASCII, LONG = 2, 4

MOST_ENTRIES = 512
MOST_TEXT_BYTES = 256
CAMERA_CHARACTERS = 100

# The oldest photograph known is from 1826; a camera's clock may be ahead by a time zone.
OLDEST = datetime(1826, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    captured_at: datetime | None
    camera: str | None


def read_capture_facts(block: bytes, *, now: datetime) -> CaptureFacts:
    """What is absent, broken or absurd comes back as None. Without an offset the time counts as UTC."""
    block = block.removeprefix(b"Exif\0\0")
    tags = _read_tags(block)
    captured_at = _moment(tags.get(ORIGINAL_TIME), tags.get(ORIGINAL_OFFSET), now)
    if captured_at is None:
        captured_at = _moment(tags.get(DIGITIZED_TIME), tags.get(DIGITIZED_OFFSET), now)
    return CaptureFacts(captured_at, _camera(tags.get(MAKE), tags.get(MODEL)))


def _read_tags(block: bytes) -> dict[int, str]:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return {}
    try:
        (first,) = struct.unpack_from(f"{order}L", block, 4)
        tags, inner = _read_folder(block, order, first)
        return tags | _read_folder(block, order, inner)[0] if inner else tags
    except struct.error:  # an offset points outside of the block
        return {}


def _read_folder(block: bytes, order: str, start: int) -> tuple[dict[int, str], int]:
    """The folder's texts by tag, and where the Exif folder inside it begins (0: nowhere)."""
    texts: dict[int, str] = {}
    inner = 0
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for number in range(min(count, MOST_ENTRIES)):
        entry = start + 2 + 12 * number
        tag, kind, length, value = struct.unpack_from(f"{order}HHLL", block, entry)
        if tag == EXIF_FOLDER and kind == LONG:
            inner = value
        elif kind == ASCII:
            at = value if length > 4 else entry + 8
            texts[tag] = block[at : at + min(length, MOST_TEXT_BYTES)].split(b"\0")[0].decode("utf-8", "replace")
    return texts, inner


def _moment(text: str | None, offset: str | None, now: datetime) -> datetime | None:
    found = _TIME.match(text or "")
    if found is None:
        return None
    try:
        moment = datetime(*(int(part) for part in found.groups()), tzinfo=_zone(offset)).astimezone(UTC)  # type: ignore[misc,arg-type]  # six numbers by the pattern
    except (ValueError, OverflowError):  # 0000:00:00, 31 February, before year 1 in UTC
        return None
    return moment if OLDEST <= moment <= now + AHEAD else None


def _zone(offset: str | None) -> timezone:
    found = _OFFSET.match(offset or "")
    if found is None:
        return UTC
    sign, hours, minutes = found.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def _camera(make: str | None, model: str | None) -> str | None:
    make, model = _clean(make), _clean(model)
    if model.casefold().startswith(make.casefold()):
        make = ""
    return f"{make} {model}".strip()[:CAMERA_CHARACTERS].rstrip() or None


def _clean(text: str | None) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(printable.replace("\ufffd", " ").split())
