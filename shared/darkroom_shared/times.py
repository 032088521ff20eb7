"""Times on the wire: RFC 3339, UTC, milliseconds; and the injected clock."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, PlainSerializer

Clock = Callable[[], datetime]
"""Returns the current time, aware and in UTC. Tests inject their own."""


def utc_now() -> datetime:
    """Return the time of the machine's clock."""
    return datetime.now(UTC)


def to_rfc3339(moment: datetime) -> str:
    """Return `2026-11-24T09:30:00.000Z`. Strings sort like the moments, so the result also serves as a sort key."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Raises ValueError if `text` is not an RFC 3339 time or has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without an offset: {text!r}")
    return moment.astimezone(UTC)


def _representable(moment: datetime) -> datetime:
    """Return the moment. Raises ValueError if its year in UTC is below 1 or above 9999, where no datetime exists."""
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be in the years 1 to 9999 in UTC") from error
    return moment


Moment = Annotated[
    AwareDatetime, AfterValidator(_representable), PlainSerializer(to_rfc3339, return_type=str, when_used="json")
]
"""A pydantic field that reads any RFC 3339 time and writes our form."""
