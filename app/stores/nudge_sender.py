"""Sending of nudges over Redis; what Redis did not accept is sent again with later nudges."""

import itertools
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from redis.asyncio import Redis

NUDGE_SECONDS = 0.5
MAX_UNSENT = 1_000
"""Channels whose nudge Redis did not accept; for more than these, subscribers rely on their own polling."""
MAX_RESENT = 100
"""Of these channels, how many one nudge sends besides its own, in one round trip."""

Execute = Callable[[Awaitable[Any], float], Awaitable[Any]]
"""Returns the call's result, or None if Redis did not reply within the seconds."""


class NudgeSender:
    """Sends nudges, and remembers those that Redis did not accept."""

    def __init__(self, redis: Redis, execute: Execute) -> None:
        self._redis, self._execute = redis, execute
        self._unsent: set[str] = set()

    async def send(self, channel: str) -> bool:
        """Return whether Redis accepted the nudge."""
        channels = {channel, *itertools.islice(self._unsent, MAX_RESENT)}
        self._unsent -= channels
        sent = None
        try:
            sent = await self._execute(self._publish(channels), NUDGE_SECONDS)
        finally:  # also if the caller is cancelled
            if sent is None:
                self._unsent |= channels
                while len(self._unsent) > MAX_UNSENT:
                    self._unsent.pop()
        return sent is not None

    async def _publish(self, channels: Collection[str]) -> list[int]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for channel in channels:
                pipeline.publish(channel, b"")
            return await pipeline.execute()
