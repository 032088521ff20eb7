"""Work after the commit of a change. It ends before the request's deadline; its failure does not fail the request."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import structlog

from app.jobs.isolation import Result, capture
from darkroom_shared.problems import Problem

log = structlog.get_logger()

AFTER_COMMIT_SECONDS = 2.0
"""How long a request waits for another store after its row is committed."""
RESPONSE_SECONDS = 0.25
"""The part of a request's time that this wait leaves for the response."""

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


async def try_after_commit(
    work: Awaitable[T], name: str, limit_seconds: float = AFTER_COMMIT_SECONDS, /, **pairs: str
) -> Result[T] | None:
    """Return the result, or None if `work` failed or took too long, which is only logged: a periodic job repairs it.

    A request's deadline may end the work before `limit_seconds`.
    """

    async def work_in_time() -> T:
        async with asyncio.timeout(_seconds_left(limit_seconds)):
            return await work

    match await capture(work_in_time()):
        case Result() as result:
            return result
        case (Problem() | TimeoutError()) as problem:
            log.warning("after_commit.postponed", work=name, reason=str(problem), **pairs)
        case error:
            log.error("after_commit.crashed", work=name, exc_info=error, **pairs)
    return None


def _seconds_left(limit_seconds: float) -> float:
    ends_at = _request_ends_at.get()
    if ends_at is None:
        return limit_seconds
    left = ends_at - asyncio.get_running_loop().time() - RESPONSE_SECONDS
    return max(0.0, min(left, limit_seconds))
