"""Sending a job to its queue after its row is committed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from app.jobs.isolation import Result, capture
from darkroom_shared.problems import Problem

log = structlog.get_logger()

AFTER_COMMIT_SECONDS = 2.0
"""How long a request waits for the queue after its row is committed."""

R = TypeVar("R")


async def send_after_commit(send: Callable[[R], Awaitable[R]], row: R, **names: str) -> R:
    """Return the row as sent, or as it was if sending failed, which is only logged.

    The row is queued already, so its request has succeeded: the sweeper sends rows without `sent_at`.
    """

    async def send_in_time() -> R:
        async with asyncio.timeout(AFTER_COMMIT_SECONDS):
            return await send(row)

    match await capture(send_in_time()):
        case Result(value=sent):
            return sent
        case (Problem() | TimeoutError()) as problem:
            log.warning("send.postponed", reason=str(problem), **names)
        case error:
            log.error("send.crashed", exc_info=error, **names)
    return row
