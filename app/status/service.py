"""Whether this installation serves its users, for the health check of a DNS name."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()

CACHE_SECONDS = 5.0
CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]
"""Raises Problem if what it reads is unavailable."""


class StatusService:
    """Anyone may ask, so the stores are read once in 5 s, however many ask."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = asyncio.Lock()
        self._is_ok, self._valid_until = False, 0.0

    async def is_ok(self) -> bool:
        """Return whether all stores respond, as of at most 5 s ago."""
        async with self._lock:
            if time.monotonic() >= self._valid_until:
                self._is_ok = await self._check_all()
                self._valid_until = time.monotonic() + CACHE_SECONDS
            return self._is_ok

    async def _check_all(self) -> bool:
        async with TaskGroup() as tasks:
            running = [tasks.create_task(_passes(name, check)) for name, check in self._checks.items()]
        return all(task.result() for task in running)


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (Problem, TimeoutError) as error:
        log.warning("status.check_failed", check=name, reason=type(error).__name__)
        return False
    return True
