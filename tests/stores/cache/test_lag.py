"""A real reader that lags by a second, by two, or forever: every process sees a change immediately."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from tests.database_engines import MIGRATING_USER
from tests.database_pair import DatabasePair
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import NUMBER, numbers_of, prepare, put, until

CHANGES = 5


@dataclass(eq=False, slots=True)
class Process:
    cache: Cache
    queried: Counter[int] = field(default_factory=Counter)
    """The number of queries by the port of the server."""

    async def read(self, name: str) -> int:
        async def load(connection: AsyncConnection) -> int:
            self.queried[(await connection.execute(text("SELECT @@port"))).scalar_one()] += 1
            return (await numbers_of(connection, [name]))[name]

        return await self.cache.get(NUMBER.key(name), load)

    async def write(self, name: str, number: int) -> None:
        async with self.cache.change(NUMBER.key(name)) as unit:
            await put(unit.connection, name, number)

    def lag(self) -> float | None:
        link = self.cache.relay.permitted()
        return link.lag_seconds if link is not None else None


@pytest.fixture
async def processes(
    database_pair: DatabasePair, replicated: str, valkey_pair: RedisPair
) -> AsyncIterator[tuple[Process, Process]]:
    async with AsyncExitStack() as stack:
        opened = []
        migrating = Database(database_pair.writer.url(replicated, user=MIGRATING_USER))
        await prepare(migrating)
        await migrating.close()
        for _ in range(2):
            database = Database(database_pair.writer.url(replicated), reader_url=database_pair.reader.url(replicated))
            stack.push_async_callback(database.close)
            cache = await stack.enter_async_context(Cache(database, valkey_pair.primary.url))
            await until(lambda relay=cache.relay: relay.permitted() is not None)  # type: ignore[misc]
            opened.append(Process(cache))
        await database_pair.wait_applied()
        yield opened[0], opened[1]


async def _evict(pair: RedisPair, name: str) -> None:
    for key in await pair.primary.run("KEYS", f"*v:{NUMBER.key(name).name}"):
        await pair.primary.run("DEL", key)


@pytest.mark.parametrize("behind", [0, 1, 2, None])
async def test_every_process_sees_a_change_however_far_the_reader_lags(
    database_pair: DatabasePair, valkey_pair: RedisPair, processes: tuple[Process, Process], behind: int | None
) -> None:
    """`behind` is the lag in seconds; None means that replication has stopped."""
    one, other = processes
    await (database_pair.stop_applying() if behind is None else database_pair.delay(behind))
    for number in range(1, CHANGES + 1):
        await one.write("a", number)
        assert await other.read("a") == await one.read("a") == number
        await _evict(valkey_pair, "a")
        assert await one.read("a") == await other.read("a") == number


async def test_a_reader_is_queried_only_while_its_lag_is_known_and_small(
    database_pair: DatabasePair, valkey_pair: RedisPair, processes: tuple[Process, Process]
) -> None:
    one, _ = processes
    await valkey_pair.primary.run("SET", "1born", 1)  # as if the generation were old
    await until(lambda: one.lag() == 0)
    await one.read("near")
    assert one.queried == {database_pair.reader.port: 1}
    await database_pair.stop_applying()
    await until(lambda: one.cache.relay.permitted() is not None and one.lag() is None)
    await one.read("far")
    assert one.queried == {database_pair.reader.port: 1, database_pair.writer.port: 1}
