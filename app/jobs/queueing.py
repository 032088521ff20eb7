"""Sending jobs to their queue: when, how often again, and after a commit without failing or delaying the request."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from app.jobs.isolation import Result, capture
from darkroom_shared.problems import Problem

log = structlog.get_logger()

AFTER_COMMIT_SECONDS = 2.0
"""How long a request waits for another store after its row is committed."""
RESPONSE_SECONDS = 0.25
"""What of a request's time is left for its response, after that wait."""

MAX_DELAY_SECONDS = 900
"""Maximum delay of one SQS message."""

UNSENT_LIMIT = timedelta(seconds=30)
"""How long a queued job may stay unsent; its request may have crashed before it sent the message."""
FIRST_RESEND = timedelta(minutes=2)
MAX_RESEND_INTERVAL = timedelta(hours=1)

R = TypeVar("R")
T = TypeVar("T")


_request_ends_at: ContextVar[float | None] = ContextVar("request_ends_at", default=None)
"""In the loop's time; None for work without a deadline."""


@contextmanager
def request_deadline(seconds: float) -> Iterator[None]:
    """Let no work after a commit take longer than the request has left, in this block and the tasks that it starts."""
    token = _request_ends_at.set(asyncio.get_running_loop().time() + seconds)
    try:
        yield
    finally:
        _request_ends_at.reset(token)


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


async def try_after_commit(work: Awaitable[T], name: str, **pairs: str) -> Result[T] | None:
    """Return the result, or None if `work` failed or took too long, which is only logged: a periodic job repairs it."""

    async def work_in_time() -> T:
        async with asyncio.timeout(_seconds_after_commit()):
            return await work

    match await capture(work_in_time()):
        case Result() as result:
            return result
        case (Problem() | TimeoutError()) as problem:
            log.warning("after_commit.postponed", work=name, reason=str(problem), **pairs)
        case error:
            log.error("after_commit.crashed", work=name, exc_info=error, **pairs)
    return None


def _seconds_after_commit() -> float:
    ends_at = _request_ends_at.get()
    if ends_at is None:
        return AFTER_COMMIT_SECONDS
    left = ends_at - asyncio.get_running_loop().time() - RESPONSE_SECONDS
    return max(0.0, min(left, AFTER_COMMIT_SECONDS))
