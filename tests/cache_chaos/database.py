"""A SQLite database whose reader lags: it returns no version of a key that was written after a moment in the past."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database
from tests.cache_chaos.plan import LAG_SECONDS, ChaosPlan

_METADATA = MetaData()
versions = Table(
    "chaos_versions",
    _METADATA,
    Column("key", Integer, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
)
STALLED_POLLS = 0.15
MAX_STALL_SECONDS = 0.45
_SEEN_UP_TO = "chaos_seen_up_to_ns"


class LaggingReaders:
    """Replaces the database's readers."""

    are_the_writer = False

    def __init__(
        self, database: Database, plan: ChaosPlan, chance: random.Random, lag_seconds: float = LAG_SECONDS
    ) -> None:
        self._database, self._plan, self._chance, self._lag_seconds = database, plan, chance, lag_seconds

    def seen_up_to_ns(self) -> int:
        position = time.monotonic_ns() - int(self._lag_seconds * 1e9)
        return min(position, self._plan.frozen_at_ns or position)

    async def lag_seconds(self) -> float:
        """Return the lag; at times sleep first, so that the caller acts on an old measurement."""
        lag = (time.monotonic_ns() - self.seen_up_to_ns()) / 1e9
        if self._chance.random() < STALLED_POLLS:
            await asyncio.sleep(self._chance.uniform(0, MAX_STALL_SECONDS))
        return lag

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._database.writer.read() as connection:
            yield await connection.execution_options(**{_SEEN_UP_TO: self.seen_up_to_ns()})


async def create_tables(database: Database) -> None:
    async with database.writer.write() as connection:
        await connection.run_sync(_METADATA.create_all)


async def read_version(connection: AsyncConnection, key: int) -> int:
    """Return the newest version that the connection can see; 0 before the first one."""
    newest = select(versions.c.version).where(versions.c.key == key).order_by(versions.c.version.desc()).limit(1)
    assert connection.sync_connection is not None
    seen_up_to = connection.sync_connection.get_execution_options().get(_SEEN_UP_TO)
    if seen_up_to is not None:
        newest = newest.where(versions.c.at_ns <= seen_up_to)
    return await connection.scalar(newest) or 0


async def write_version(connection: AsyncConnection, key: int) -> int:
    """Insert the next version of the key and return it."""
    version = 1 + await read_version(connection, key)
    await connection.execute(insert(versions).values(key=key, version=version, at_ns=time.monotonic_ns()))
    return version
