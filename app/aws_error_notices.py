"""Post the errors of this process's AWS calls to Redis, so that every process can show them on the overview."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self

from app.jobs.loop import run_periodically, running
from app.stores.aws_errors import AwsErrors
from app.stores.presence_registry import PresenceRegistry
from darkroom_shared.admin import AWS_ERRORS_REGISTRY, AwsErrorCount, ProcessErrors
from darkroom_shared.times import Clock

POST_SECONDS = 5.0
NOTICE_SECONDS = 60
"""How long the errors of a crashed process remain visible."""
RECENT = timedelta(minutes=10)
"""An error class is no longer posted this long after its last occurrence."""


class AwsErrorNotices:
    """Post in the background while the context is open. One per process."""

    def __init__(self, errors: AwsErrors, registry: PresenceRegistry, clock: Clock) -> None:
        self._errors, self._presence, self._clock = errors, registry, clock
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(
            running(run_periodically("aws_error_notices", POST_SECONDS, asyncio.Event(), self.post))
        )
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def post(self, _shard: int = 0) -> None:
        """Post the recent errors, if there are any."""
        since = self._clock() - RECENT
        recent = tuple(
            AwsErrorCount(
                service=each.service, error_class=each.error_class.value, count=each.count, last_at=each.last_at
            )
            for each in self._errors.counts()
            if each.last_at >= since
        )
        if recent:
            notice = ProcessErrors(process=f"{socket.gethostname()}:{os.getpid()}", errors=recent)
            await self._presence.post(AWS_ERRORS_REGISTRY, notice.model_dump_json(), seconds=NOTICE_SECONDS)


async def read_aws_errors(registry: PresenceRegistry) -> list[AwsErrorCount] | None:
    """Sum the newest notices of all processes by service and class. Returns None if Redis is unavailable."""
    notices = await registry.read(AWS_ERRORS_REGISTRY)
    if notices is None:
        return None
    processes = [ProcessErrors.model_validate_json(notice) for notice in notices]  # oldest first
    sums: dict[tuple[str, str], AwsErrorCount] = {}
    for errors in {process.process: process.errors for process in processes}.values():
        for each in errors:
            key = each.service, each.error_class
            known = sums.get(key)
            sums[key] = (
                each
                if known is None
                else each.model_copy(
                    update={"count": known.count + each.count, "last_at": max(known.last_at, each.last_at)}
                )
            )
    return [sums[key] for key in sorted(sums)]
