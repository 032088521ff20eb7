"""The cache's interface for the rest of the app; docs/CONSISTENCY.md explains the protocol."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database
from app.stores.cache.changes import Changes, UnitOfWork
from app.stores.cache.keys import AnyKey, Key
from app.stores.cache.loading import Behind, Loading
from app.stores.cache.misses import Misses
from app.stores.cache.mode import CacheMode
from app.stores.cache.outbox import Outbox
from app.stores.cache.reads import Reads
from app.stores.cache.relay import Relay
from app.stores.cache.scripts import SCRIPTS, Scripts
from app.stores.cache.timing import TIMING, Timing
from darkroom_process.crash_log import log_crash

__all__ = ["Behind", "Cache"]

T = TypeVar("T")

STOP_SECONDS = 3.0
"""Longer than any query to the database takes."""
CANCEL_AGAIN_SECONDS = 0.5


class Cache:
    """Once a change has been acknowledged, no read that begins later returns an older value.

    One per process, open as a context. Without the context, as in a command that only changes things, nothing is read
    from Redis, and a change is acknowledged when another process's relay has confirmed it or all permits have expired.
    """

    def __init__(
        self,
        database: Database,
        redis_url: str | None = None,
        *,
        password_file: Path | None = None,
        mode: CacheMode = CacheMode.ON,
        timing: Timing = TIMING,
        scripts: Scripts = SCRIPTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.mode = mode if redis_url is not None else CacheMode.OFF
        outbox, loading = Outbox(database.writer), Loading(database, timing)
        always_writer = self.mode is not CacheMode.ON or database.readers.are_the_writer
        self.relay = Relay(redis_url or "", password_file, outbox, database.readers.lag_seconds, scripts, timing)
        self._misses = Misses(loading, timing, clock, always_writer=always_writer)
        self._reads = Reads(self.relay, self._misses, loading, clock, always_writer=always_writer)
        self.read_counts = self._reads.counts
        self._changes = Changes(database.writer, outbox, self.relay, timing, leaves_rows=self.mode is not CacheMode.OFF)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self.mode is not CacheMode.OFF:
            self._task = asyncio.create_task(self.relay.run())
            self._task.add_done_callback(log_crash("cache.crashed"))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._misses.close()
        if self._task is not None:
            self.relay.stop()
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        while self._task is not None and not self._task.done():
            self._task.cancel()  # repeated, because a driver may swallow a cancellation
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN_SECONDS)

    async def get(self, key: Key[T], load: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return the value from Redis or from `load`, which gets a connection to a server that is fresh enough.

        `load` may outlive the call, so it must not need anything that the caller closes.
        """
        return await self._reads.one(key, _for_one(load))

    async def get_many(
        self,
        keys: Sequence[Key[T]],
        load: Callable[[AsyncConnection, Sequence[Key[T]]], Awaitable[Mapping[Key[T], T]]],
    ) -> dict[Key[T], T]:
        """Return the same as `get` for many keys; `load` must return a value for each key that it gets."""
        return await self._reads.many(list(dict.fromkeys(keys)), load)

    @asynccontextmanager
    async def change(self, *keys: AnyKey) -> AsyncIterator[UnitOfWork]:
        """Open a transaction on the writer. When the context has ended, no read returns an old value of the keys.

        While Redis is unavailable, the end takes two seconds longer.
        """
        async with self._changes.change(keys) as unit:
            yield unit


def _for_one(load: Callable[[AsyncConnection], Awaitable[T]]) -> Any:
    async def load_one(connection: AsyncConnection, keys: Sequence[Key[T]]) -> dict[Key[T], T]:
        return {keys[0]: await load(connection)}

    return load_one
