"""Loads from the database for the cache: which server, time limit, concurrency."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database, Source
from app.stores.cache.keys import Key
from app.stores.cache.timing import Timing
from darkroom_shared.problems import Unavailable

T = TypeVar("T")
Load = Callable[[AsyncConnection, Sequence[Key[T]]], Awaitable[Mapping[Key[T], T]]]

CONCURRENCY = 8
"""Per server. The other two of its ten connections remain for the relay and for changes."""


class Behind(Exception):
    """Raised by a loader if its server lacks a required change; it is then called with the writer's connection."""


class Loading:
    """Calls loaders with a connection. Raises Unavailable if the database does, or if a load takes too long."""

    def __init__(self, database: Database, timing: Timing) -> None:
        self._database, self._timing = database, timing
        self._semaphores: dict[type[Source], asyncio.Semaphore] = {}

    async def load(self, load: Load[T], keys: Sequence[Key[T]], *, from_writer: bool) -> dict[Key[T], T]:
        """Call the loader on a reader, or on the writer if `from_writer` or if the reader lacks a required change."""
        if not from_writer:
            try:
                return await self._load_from(self._database.readers, load, keys)
            except Behind:
                pass
        return await self._load_from(self._database.writer, load, keys)

    async def _load_from(self, source: Source, load: Load[T], keys: Sequence[Key[T]]) -> dict[Key[T], T]:
        semaphore = self._semaphores.setdefault(type(source), asyncio.Semaphore(CONCURRENCY))
        try:
            async with asyncio.timeout(self._timing.load) as limit, semaphore, source.read() as connection:
                loaded = await load(connection, keys)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unavailable(retry_after_seconds=1) from error
        return {key: loaded[key] for key in keys}
