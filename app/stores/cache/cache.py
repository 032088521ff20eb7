"""The three calls that the rest of the app sees."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database
from app.stores.cache.keys import AnyKey, Key

T = TypeVar("T")


class Behind(Exception):
    """A loader raises it when its side has not yet seen what it must have; it is then called with the writer's."""


class Cache:
    """Once a change has been acknowledged, no read that begins later returns an older value."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: Key[T], load: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The value, from Redis or from `load`, which is called with a connection of the side that is fresh enough."""
        async with self._database.writer.read() as connection:
            return await load(connection)

    async def get_many(
        self,
        keys: Sequence[Key[T]],
        load: Callable[[AsyncConnection, Sequence[Key[T]]], Awaitable[Mapping[Key[T], T]]],
    ) -> dict[Key[T], T]:
        """As `get`, for many keys of one kind at once; `load` must answer for each key that it is given."""
        if not keys:
            return {}
        async with self._database.writer.read() as connection:
            return dict(await load(connection, list(dict.fromkeys(keys))))

    @asynccontextmanager
    async def change(self, *keys: AnyKey) -> AsyncIterator[AsyncConnection]:
        """A transaction on the writer after which nobody reads an old value of the keys; at its end it is so.

        More keys may become known inside: see `forget`.
        """
        async with self._database.writer.write() as connection:
            yield connection

    def forget(self, connection: AsyncConnection, *keys: AnyKey) -> None:
        """Adds keys to the change that this connection belongs to."""
