"""Measure the load on a database that refuses everything: statements and connections attempted / requests.

Measured twice: with a server that resets every connection, and with one that has become a reader under open pools, so
that it refuses what needs a writer. Then, without a limit, with one that closes each connection on its statement.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database
from bench.scale import scaled
from darkroom_shared.problems import Unavailable
from tests.database_engines import MIGRATING_USER
from tests.database_pair import DatabasePair, running_database_pair
from tests.fault_proxy import FaultProxy

FIGURES = ("statement_ratio",)

CALLERS = 8
REQUESTS_EACH = scaled(250)
WARM_REQUESTS = 200

Side = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class CountedDatabase:
    """A database behind proxies that counts what is sent to its servers."""

    def __init__(self, database: Database, writer: FaultProxy, reader: FaultProxy) -> None:
        self.database, self.writer, self.reader = database, writer, reader
        self._statements = 0
        self.before_each: Callable[[], None] = lambda: None
        for pool in database.pools.values():
            event.listen(pool.engine.sync_engine, "before_cursor_execute", self._count)

    @property
    def sent(self) -> int:
        return self._statements + self.writer.accepted + self.reader.accepted

    def _count(self, *_arguments: object) -> None:
        self._statements += 1
        self.before_each()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-statements-") as name, running_database_pair(Path(name)) as pair:
        asyncio.run(_measure(pair))


async def _measure(pair: DatabasePair) -> None:
    ratios = [await _all_reset(pair), await _only_a_reader(pair)]
    cut = await _every_statement_failed(pair)
    print(
        f"statements / requests: connections reset {ratios[0]:.3f}, writer gone {ratios[1]:.3f}, cut at each {cut:.3f}"
    )
    print(f"figure statement_ratio {max(ratios):.3f}")


async def _all_reset(pair: DatabasePair) -> float:
    async with _counted(pair) as counted:
        counted.writer.reset_peer()
        counted.reader.reset_peer()
        return await _ratio(counted, counted.database.writer.write, counted.database.readers.read)


async def _only_a_reader(pair: DatabasePair) -> float:
    async with _counted(pair) as counted:
        await pair.demote()
        ratio = await _ratio(counted, counted.database.writer.write, counted.database.writer.read)
    await pair.heal()
    return ratio


async def _every_statement_failed(pair: DatabasePair) -> float:
    async with _counted(pair) as counted:

        def cut() -> None:
            counted.writer.cut()
            counted.reader.cut()

        counted.before_each = cut
        return await _ratio(counted, counted.database.writer.write, counted.database.readers.read)


@asynccontextmanager
async def _counted(pair: DatabasePair) -> AsyncIterator[CountedDatabase]:
    """Open a database with filled pools and a full retry budget."""
    async with FaultProxy(pair.writer.port) as writer, FaultProxy(pair.reader.port) as reader:
        database = Database(
            pair.writer.url(port=writer.port, user=MIGRATING_USER),
            reader_url=pair.reader.url(port=reader.port, user=MIGRATING_USER),
        )
        await _request(database.writer.write, "CREATE TABLE IF NOT EXISTS samples (id INT)")
        await _all_callers(lambda: _request(database.writer.write), WARM_REQUESTS // CALLERS)
        await _all_callers(lambda: _request(database.readers.read, "SELECT 1"), WARM_REQUESTS // CALLERS)
        yield CountedDatabase(database, writer, reader)
        await database.close()


async def _ratio(counted: CountedDatabase, *sides: Side) -> float:
    sent, refused = counted.sent, 0

    async def request() -> None:
        nonlocal refused
        for side in sides:
            try:
                await _request(side)
            except Unavailable:
                refused += 1

    await _all_callers(request, REQUESTS_EACH)
    requests = CALLERS * REQUESTS_EACH * len(sides)
    assert refused == requests, f"{requests - refused} of {requests} were not refused"
    return (counted.sent - sent) / requests


async def _all_callers(request: Callable[[], Awaitable[None]], times: int) -> None:
    async def repeat() -> None:
        for _ in range(times):
            await request()

    await asyncio.gather(*(repeat() for _ in range(CALLERS)))


async def _request(side: Side, statement: str = "INSERT INTO samples VALUES (1)") -> None:
    async with side() as connection:
        await connection.execute(text(statement))


if __name__ == "__main__":
    main()
