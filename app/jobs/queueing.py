"""Sending jobs to their queue: when, and how often again."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from app.jobs.after_commit import try_after_commit

MAX_DELAY_SECONDS = 900
"""Maximum delay of one SQS message."""

UNSENT_LIMIT = timedelta(seconds=30)
"""How long a queued job may stay unsent; its request may have crashed before it sent the message."""
FIRST_RESEND = timedelta(minutes=2)
MAX_RESEND_INTERVAL = timedelta(hours=1)

R = TypeVar("R")


class Sendable(Protocol):
    """The part of a queued job's row that decides when its message is sent."""

    @property
    def not_before(self) -> datetime | None:
        """The job cannot be claimed earlier."""
        ...

    @property
    def sent_at(self) -> datetime | None:
        """When the last message was sent; None since the job was queued."""
        ...

    @property
    def sends(self) -> int:
        """The number of messages since the job was queued."""
        ...


def next_send(row: Sendable, queued_at: datetime) -> datetime:
    """Return when the sweeper must send a queued job: after `not_before` (or 30 s) for the first time, then at
    doubling intervals."""
    if row.sent_at is None:
        return row.not_before or queued_at + UNSENT_LIMIT
    sent = max(row.sent_at, row.not_before or row.sent_at)
    return sent + min(FIRST_RESEND * (1 << min(row.sends - 1, 10)), MAX_RESEND_INTERVAL)


def delay_seconds(not_before: datetime | None, now: datetime) -> int:
    """Return the delay of the message of a job that cannot be claimed before `not_before`."""
    if not_before is None:
        return 0
    return max(0, min(MAX_DELAY_SECONDS, int((not_before - now).total_seconds()) + 1))


async def send_after_commit(send: Callable[[R], Awaitable[R]], row: R, **names: str) -> R:
    """Return the row as sent, or as it was if sending failed, which is only logged.

    The row is queued already, so its request has succeeded: the sweeper sends rows without `sent_at`.
    """
    sent = await try_after_commit(send(row), "send", **names)
    return row if sent is None else sent.value
