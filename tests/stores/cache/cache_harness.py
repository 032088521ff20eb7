"""Numbers in a database, read through the caches of several processes, with a reader that tests can freeze."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database, Readers, metadata
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Entry, Key, Kind
from app.stores.cache.schema import cache_generation, cache_outbox
from app.stores.cache.timing import Timing

WAIT_SECONDS = 60

NUMBER: Kind[int] = Entry("number", 1, 300, decides_access=True).of_type(TypeAdapter(int))
SOFT_NUMBER: Kind[int] = Entry("soft-number", 1, 300).of_type(TypeAdapter(int))
"""An entry that does not decide access."""

STEADY = Timing(
    poll=0.05,
    permit=60,
    fence=300,
    lag_limit=100,
    load=30,
    lease=100,
    held=30,
    reply_seconds=30,
    connect=30,
    retry=0.1,
    takeover=300,
)
"""For tests that count: even a busy machine loses no permit."""
QUICK = replace(STEADY, permit=1.0, reply_seconds=0.5)
"""For tests in which permits end."""

_METADATA = MetaData()
_numbers = Table(
    "cache_test_numbers",
    _METADATA,
    Column("name", String(50), primary_key=True),
    Column("number", Integer, nullable=False),
)


class FreezableReader:
    """Replaces the database's readers: after `freeze` it returns the rows of that moment."""

    are_the_writer = False

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lag: float | None = 0.0
        self.reads = 0
        self.frozen_at: dict[str, int] | None = None

    async def freeze(self) -> None:
        async with self._database.writer.read() as connection:
            rows = (await connection.execute(select(_numbers))).all()
        self.frozen_at = {row.name: row.number for row in rows}

    async def lag_seconds(self) -> float | None:
        return self.lag

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        self.reads += 1
        async with self._database.writer.read() as connection:
            yield await connection.execution_options(frozen=self.frozen_at)


@dataclass(eq=False, slots=True)
class Process:
    """A cache with a loader that counts its loads and can be blocked."""

    cache: Cache
    reader: FreezableReader
    loads: Counter[str] = field(default_factory=Counter)
    may_load: asyncio.Event = field(default_factory=asyncio.Event)
    loading: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a load has read the database and waits for `may_load`."""

    def __post_init__(self) -> None:
        self.may_load.set()

    async def read(self, name: str, kind: Kind[int] = NUMBER) -> int:
        async def load(connection: AsyncConnection) -> int:
            return (await self._load(connection, [name]))[name]

        return await self.cache.get(kind.key(name), load)

    async def read_many(self, *names: str, kind: Kind[int] = NUMBER) -> dict[str, int]:
        keys = {kind.key(name): name for name in names}

        async def load(connection: AsyncConnection, requested: Sequence[Key[int]]) -> Mapping[Key[int], int]:
            numbers = await self._load(connection, [keys[key] for key in requested])
            return {key: numbers[keys[key]] for key in requested}

        return {keys[key]: number for key, number in (await self.cache.get_many(list(keys), load)).items()}

    async def write(self, name: str, number: int, *kinds: Kind[int]) -> None:
        async with self.cache.change(*(kind.key(name) for kind in kinds or (NUMBER, SOFT_NUMBER))) as unit:
            await put(unit.connection, name, number)

    async def permitted(self) -> None:
        await until(lambda: self.cache.relay.permitted() is not None)

    async def unpermitted(self) -> None:
        await until(lambda: self.cache.relay.permitted() is None)

    async def _load(self, connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
        self.loads.update(names)
        numbers = await numbers_of(connection, names)
        self.loading.set()
        await self.may_load.wait()
        return numbers


@asynccontextmanager
async def held_up(*processes: Process) -> AsyncIterator[None]:
    """Block the loads of these processes, after they have read the database, until the end of the block."""
    for process in processes:
        process.may_load.clear()
        process.loading.clear()
    yield
    for process in processes:
        process.may_load.set()


async def numbers_of(connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers that the connection can see; 0 for an absent one."""
    assert connection.sync_connection is not None
    values: Mapping[str, int] | None = connection.sync_connection.get_execution_options().get("frozen")
    if values is None:
        rows = (await connection.execute(select(_numbers).where(_numbers.c.name.in_(names)))).all()
        values = {row.name: row.number for row in rows}
    return {name: values.get(name, 0) for name in names}


async def put(connection: AsyncConnection, name: str, number: int) -> None:
    await connection.execute(delete(_numbers).where(_numbers.c.name == name))
    await connection.execute(insert(_numbers).values(name=name, number=number))


class CacheHarness:
    """One database; `process()` opens another process on it."""

    def __init__(self, stack: AsyncExitStack, url: str) -> None:
        self._stack, self.url = stack, url
        self.database = Database(url)

    async def process(self, redis_url: str, timing: Timing = STEADY, *, opened: bool = True, **options: Any) -> Process:
        """Return a new process. With `opened`, its cache is open and has a permit."""
        database = Database(self.url)
        self._stack.push_async_callback(database.close)
        reader = FreezableReader(database)
        database.readers = cast("Readers", reader)
        process = Process(Cache(database, redis_url, timing=timing, **options), reader)
        if opened:
            await self._stack.enter_async_context(process.cache)
            await process.permitted()
        return process

    async def put(self, name: str, number: int) -> None:
        """Write a number without invalidating a cache."""
        async with self.database.writer.write() as connection:
            await put(connection, name, number)

    async def unsent(self) -> int:
        """Return the number of changes that wait in the outbox."""
        async with self.database.writer.read() as connection:
            return len((await connection.execute(select(cache_outbox.c.id))).all())


@asynccontextmanager
async def open_harness(url: str) -> AsyncIterator[CacheHarness]:
    async with AsyncExitStack() as stack:
        harness = CacheHarness(stack, url)
        stack.push_async_callback(harness.database.close)
        await prepare(harness.database)
        yield harness


async def prepare(database: Database) -> None:
    """Create the tables of the cache and of these tests."""
    async with database.writer.write() as connection:
        await connection.run_sync(metadata.create_all, [cache_outbox, cache_generation])
        await connection.run_sync(_METADATA.create_all)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():  # noqa: ASYNC110 - no event of the cache
            await asyncio.sleep(0.01)


async def until_true(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await holds():  # noqa: ASYNC110 - no event of the database
            await asyncio.sleep(0.01)
