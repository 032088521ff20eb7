"""Capture time and camera from a video's metadata; nothing else is read, in particular not the location."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

# Apple's key includes the local time zone; the movie header is in UTC.
TIMES = ("com.apple.quicktime.creationdate", "date", "creation_time", "date_recorded")
MAKES = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
MODELS = ("com.apple.quicktime.model", "com.android.model", "model")

# A movie header from a clock that was never set has 1904 or 1970. A camera's clock may be ahead by a time zone.
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)


def capture_time(metadata: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Return the first plausible time. Without a zone it counts as UTC."""
    tags = {name.casefold(): text for name, text in metadata.items()}
    moments = (_moment(tags[name]) for name in TIMES if name in tags)
    return next((moment for moment in moments if moment and OLDEST <= moment <= now + AHEAD), None)


def make_and_model(metadata: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the camera's maker and model from the container's tags; None for each that is missing."""
    tags = {name.casefold(): text for name, text in metadata.items()}
    make, model = (next((tags[name] for name in names if name in tags), None) for names in (MAKES, MODELS))
    return make, model


def _moment(text: str) -> datetime | None:
    """Return None unless the text is ISO 8601 with seconds; a bare date or year is too coarse to sort by."""
    if len(text) < len("2000-01-01T00:00:00"):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
