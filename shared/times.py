"""Times on the wire: RFC 3339, UTC, milliseconds; and the clock that is handed in."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer

Clock = Callable[[], datetime]
"""Returns the present moment, aware and in UTC. Tests hand in their own."""


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


def to_rfc3339(moment: datetime) -> str:
    """`2026-11-24T09:30:00.000Z`; equal in order to the moments themselves, so it also serves as a sort key."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Raises ValueError when `text` is no RFC 3339 time or names no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without an offset: {text!r}")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, PlainSerializer(to_rfc3339, return_type=str, when_used="json")]
"""A pydantic field that reads any RFC 3339 time and writes ours."""
