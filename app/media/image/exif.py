"""Capture time and camera from a photo's EXIF block, parsed here because a decoder's text form of it is ambiguous."""

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from app.media.image.camera import camera_name
from app.media.image.tags import Tags

# Tags: Exif 2.32, tables 4 and 7.
MAKE, MODEL, EXIF_FOLDER = 0x010F, 0x0110, 0x8769
ORIGINAL_TIME, DIGITIZED_TIME = 0x9003, 0x9004
ORIGINAL_OFFSET, DIGITIZED_OFFSET = 0x9011, 0x9012
TEXTS = (MAKE, MODEL, ORIGINAL_TIME, DIGITIZED_TIME, ORIGINAL_OFFSET, DIGITIZED_OFFSET)

# The oldest known photograph is from 1826; a camera's clock may be ahead by a time zone.
OLDEST = datetime(1826, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """Each is None if the file does not state it."""

    captured_at: datetime | None
    camera: str | None


def read_capture_facts(block: bytes, *, now: datetime) -> CaptureFacts:
    """Return None for what is absent, broken or absurd. Without an offset the time counts as UTC."""
    return capture_facts(Tags.open_block(block.removeprefix(b"Exif\0\0")), now=now)


def capture_facts(tags: Tags | None, *, now: datetime) -> CaptureFacts:
    """Return the same for tags in a file of their own, a TIFF."""
    texts = _read_texts(tags) if tags else {}
    captured_at = _moment(texts.get(ORIGINAL_TIME), texts.get(ORIGINAL_OFFSET), now)
    if captured_at is None:
        captured_at = _moment(texts.get(DIGITIZED_TIME), texts.get(DIGITIZED_OFFSET), now)
    return CaptureFacts(captured_at, camera_name(texts.get(MAKE), texts.get(MODEL)))


def _read_texts(tags: Tags) -> dict[int, str]:
    """Return the texts of the first folder and of the Exif folder inside it."""
    try:
        entries = tags.folder(tags.first).entries
        inner = tags.number(entries.get(EXIF_FOLDER))
        if inner:
            entries |= tags.folder(inner).entries
        return {tag: text for tag in TEXTS if (text := tags.text(entries.get(tag))) is not None}
    except struct.error:  # an offset beyond the block
        return {}


def _moment(text: str | None, offset: str | None, now: datetime) -> datetime | None:
    match = _TIME.match(text or "")
    if match is None:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()), tzinfo=_zone(offset)).astimezone(UTC)  # type: ignore[misc,arg-type]  # six numbers by the pattern
    except (ValueError, OverflowError):  # 0000:00:00, 31 February, before year 1 in UTC
        return None
    return moment if OLDEST <= moment <= now + AHEAD else None


def _zone(offset: str | None) -> timezone:
    match = _OFFSET.match(offset or "")
    if match is None:
        return UTC
    sign, hours, minutes = match.groups()
    return timezone((1 if sign == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))
