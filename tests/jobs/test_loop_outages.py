"""The database or Redis fails at each call of each loop: no loop ends, and all work is done afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from pydantic import SecretStr

from tests.jobs.database_faults import DatabaseFault, DatabaseFaults
from tests.jobs.database_loops import DATABASE_LOOPS
from tests.jobs.every_loop import LOOPS, RELATIONAL
from tests.jobs.loops import Faulty, Loop, complete, open_faulty
from tests.servers import free_port
from tests.services import ManualClock, Stores

ALL_LOOPS = LOOPS | DATABASE_LOOPS

pytestmark = pytest.mark.tier("full", "outages")


@pytest.fixture
async def faulty(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Faulty]:
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [*RELATIONAL, *DATABASE_LOOPS])
async def test_no_fault_of_any_statement_ends_the_loop(faulty: Faulty, name: str) -> None:
    """Each kind of fault at each statement and at the commit."""
    await _inject_at_each_statement(faulty, ALL_LOOPS[name](faulty))


async def _inject_at_each_statement(faulty: Faulty, loop: Loop) -> None:
    faults = DatabaseFaults()
    with faults.of(faulty.services.base.database):
        await complete(loop)
        assert faults.statements
        for statement in sorted(faults.statements):
            for fault in DatabaseFault:
                faults.inject(statement, fault)
                await complete(loop)
                faults.clear()


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """The URL of a Redis that accepts connections and never replies."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 16):
            pass
        writer.close()

    async with await asyncio.start_server(ignore, "127.0.0.1") as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def absent_server() -> AsyncIterator[str]:
    """The URL of a Redis that refuses connections."""
    yield f"redis://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("name", ALL_LOOPS)
@pytest.mark.parametrize("server", [silent_server, absent_server], ids=lambda server: server.__name__)
async def test_no_loop_needs_redis(
    stores: Stores,
    make_sqlite: Callable[[], str],
    clock: ManualClock,
    name: str,
    server: Callable[[], AbstractAsyncContextManager[str]],
) -> None:
    async with (
        server() as url,
        open_faulty(stores, clock, make_sqlite(), redis_url=SecretStr(url)) as faulty,
    ):
        await complete(ALL_LOOPS[name](faulty))
