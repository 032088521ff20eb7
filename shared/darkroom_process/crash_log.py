"""Log the crash of a background task when it happens, not when its owner ends."""

import asyncio
from collections.abc import Callable

import structlog

log = structlog.get_logger()


def log_crash(event: str) -> Callable[[asyncio.Task[None]], None]:
    """Return a task's done callback that logs its error; not a cancellation."""

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(event, exc_info=error)

    return done
