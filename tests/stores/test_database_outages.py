"""A database that is silent, unreachable, lagging or refusing: what its users notice."""

import asyncio
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import CONNECTIONS, SPARE_CONNECTIONS, Database
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.database_pair import DatabasePair
from tests.stores.sample_service import WAIT_SECONDS, SampleService, SendRequest, notes, open_sample_service

CALLERS = 12
"""More than a pool has connections."""


@pytest.fixture
async def service(database_pair: DatabasePair, empty_pair: str) -> AsyncIterator[SampleService]:
    async with open_sample_service(database_pair, empty_pair) as opened:
        await opened.warm()
        yield opened


async def _together(*send_request: SendRequest, callers: int = CALLERS) -> list[httpx.Response]:
    return await asyncio.gather(*(request() for request in send_request for _ in range(callers)))


def _statuses(responses: list[httpx.Response]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


class Ticks:
    """Counts the turns of the event loop, one per 10 ms while nothing blocks it."""

    def __init__(self) -> None:
        self.counted = 0

    async def __aenter__(self) -> "Ticks":
        self._started = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        self.seconds = asyncio.get_running_loop().time() - self._started

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.counted += 1


async def test_requests_to_an_unresponsive_writer_fail_in_time_and_recover(service: SampleService) -> None:
    service.writer.timeout()
    async with Ticks() as ticks:
        responses = await _together(service.write, service.read_fresh, service.read)

    assert _statuses(responses) == {503: 2 * CALLERS, 200: CALLERS}
    assert all("Retry-After" in response.headers for response in responses if response.status_code == 503)
    assert ticks.seconds < 7, "3 s are promised; this machine may be busy; a whole transaction has 8"
    assert ticks.counted > 10 * ticks.seconds, "the loop lags 100 ms or more"

    service.writer.heal()
    await service.until_responded(service.write, 200)
    assert _statuses(await _together(service.write, service.read_fresh)) == {200: 2 * CALLERS}
    assert service.acknowledged <= set((await service.read_fresh()).json())


async def test_while_the_writer_is_silent_only_a_probe_connects_to_it(service: SampleService) -> None:
    service.writer.timeout()
    await _together(service.write)
    accepted = service.writer.accepted

    for _ in range(50):
        assert (await service.write()).status_code == 503

    assert service.writer.accepted - accepted <= 10, "one caller at a time probes the connection"


async def test_a_lagging_reader_reports_its_lag_and_fresh_reads_use_the_writer(
    service: SampleService, database_pair: DatabasePair
) -> None:
    readers = service.database.readers
    assert await readers.lag_seconds() == 0
    await database_pair.delay(60)
    await service.write()
    (newest,) = service.acknowledged - set((await service.read()).json())
    async with asyncio.timeout(WAIT_SECONDS):
        while not await readers.lag_seconds():  # noqa: ASYNC110 - another process's clock
            await asyncio.sleep(0.1)
    assert newest in (await service.read_fresh()).json()

    await database_pair.stop_applying()
    assert await readers.lag_seconds() is None, "replication is stopped: the lag is unknown"

    await database_pair.delay(0)
    await database_pair.wait_applied()
    assert newest in (await service.read()).json()
    assert await readers.lag_seconds() == 0


async def test_reads_without_a_reader_use_the_writer(service: SampleService) -> None:
    before = service.writer.accepted
    await service.reader.down()

    assert _statuses(await _together(service.read)) == {200: CALLERS}
    assert service.writer.accepted - before <= SPARE_CONNECTIONS
    assert await service.database.readers.lag_seconds() is None, "an unreachable reader's lag is unknown"

    await service.reader.up()
    accepted = service.reader.accepted
    async with asyncio.timeout(WAIT_SECONDS):
        while service.reader.accepted == accepted:
            assert (await service.read()).status_code == 200


async def test_reads_of_an_unresponsive_reader_use_the_writer(service: SampleService) -> None:
    service.reader.timeout()

    assert _statuses(await _together(service.read, callers=SPARE_CONNECTIONS)) == {200: SPARE_CONNECTIONS}


async def test_an_outage_of_the_reader_does_not_exhaust_the_writer(service: SampleService) -> None:
    await service.reader.down()
    reading, release = asyncio.Semaphore(0), asyncio.Event()

    async def read_slowly() -> None:
        async with service.database.readers.read() as connection:
            await connection.execute(text("SELECT 1"))
            reading.release()
            await release.wait()

    async with TaskGroup() as slow:
        for _ in range(SPARE_CONNECTIONS):
            slow.create_task(read_slowly())
        for _ in range(SPARE_CONNECTIONS):
            await reading.acquire()
        assert (await service.read()).status_code == 503
        written = Counter[int]()
        async with asyncio.timeout(60):  # a busy machine may need several tries to open ten connections
            while written != {200: CONNECTIONS}:
                written = _statuses(await _together(service.write, callers=CONNECTIONS))
        release.set()


async def test_a_refusing_database_gets_no_more_queries_than_requests(service: SampleService) -> None:
    statements = 0

    def count(*_arguments: object) -> None:
        nonlocal statements
        statements += 1

    for pool in service.database.pools.values():
        event.listen(pool.engine.sync_engine, "before_cursor_execute", count)
    accepted = service.writer.accepted + service.reader.accepted
    service.writer.reset_peer()
    service.reader.reset_peer()

    responses = [
        response for _ in range(10) for response in await _together(service.read, service.read_fresh, service.write)
    ]

    assert _statuses(responses) == {503: len(responses)}
    assert all("Retry-After" in response.headers for response in responses)
    queries = statements + service.writer.accepted + service.reader.accepted - accepted
    assert queries <= 1.1 * len(responses)


async def test_killed_connections_cause_no_errors(service: SampleService) -> None:
    service.writer.cut()
    service.reader.cut()

    assert _statuses(await _together(service.read, service.read_fresh, service.write, callers=3)) == {200: 9}


async def _put(connection: AsyncConnection) -> None:
    await connection.execute(notes.insert().values(id="first"))


async def _put_by_the_driver(connection: AsyncConnection) -> None:
    await connection.exec_driver_sql("INSERT INTO notes VALUES ('first')")


async def _put_step_by_step(connection: AsyncConnection) -> None:
    await connection.run_sync(lambda sync: sync.execute(notes.insert().values(id="first")))


@pytest.mark.parametrize("put", [_put, _put_by_the_driver, _put_step_by_step])
async def test_a_write_that_has_begun_is_not_retried(
    service: SampleService, put: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    async def write_twice() -> None:
        async with service.database.writer.write() as connection:
            await put(connection)
            service.writer.cut()
            await connection.execute(notes.insert().values(id="second"))

    with pytest.raises(Unavailable):
        await write_twice()

    assert not {"first", "second"} & set((await service.read_fresh()).json())


async def test_a_commit_without_a_reply_is_an_error_and_is_not_retried(
    database_pair: DatabasePair, empty_pair: str
) -> None:
    async with open_sample_service(database_pair, empty_pair, statement_seconds=0.5) as service:
        await service.warm(1)
        accepted = service.writer.accepted

        async def write_and_disconnect() -> None:
            async with service.database.writer.write() as connection:
                await connection.execute(notes.insert().values(id="perhaps"))
                service.writer.timeout()

        with pytest.raises(Unavailable):
            await write_and_disconnect()
        assert service.writer.accepted == accepted


async def test_errors_contain_no_addresses_and_no_passwords(database_pair: DatabasePair) -> None:
    url = database_pair.writer.url().replace("darkroom@", "darkroom:swordfish@")
    database = Database(url)
    with pytest.raises(Unavailable) as refused:
        async with database.writer.read():
            pass
    await database.close()

    messages = repr(refused.value) + "".join(traceback.format_exception(refused.value))
    assert "1045" in messages
    assert "swordfish" not in messages
    assert "127.0.0.1" not in messages


async def test_four_times_the_load_gets_nearly_the_same_throughput(service: SampleService) -> None:
    """Excess requests are refused within the queue's time limit, and the loop stays free for health checks."""
    fourfold = CONNECTIONS + 150  # of 200 a second where 50 are served, 150 wait 1 s and are refused

    async def done_in(seconds: float, callers: int) -> tuple[int, int]:
        served, refused = 0, 0

        async def work() -> None:
            nonlocal served, refused
            while asyncio.get_running_loop().time() < end:
                try:
                    async with service.database.writer.read() as connection:
                        await connection.execute(text("SELECT SLEEP(0.2)"))
                    served += 1
                except Unavailable:
                    refused += 1

        end = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(work() for _ in range(callers)))
        return served, refused

    enough, _ = await done_in(5, CONNECTIONS)
    async with Ticks() as ticks:
        served, refused = await done_in(5, fourfold)

    assert served >= 0.9 * enough
    assert refused > 0
    assert ticks.counted > 10 * ticks.seconds
