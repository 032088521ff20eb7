"""Writer and reader swap roles while connections to both are open."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from app.stores.aurora import CONNECTIONS
from tests.database_pair import DatabasePair
from tests.stores.sample_service import Clients, SampleService, open_sample_service

ONLY_READS = 1290


@pytest.fixture
async def service(database_pair: DatabasePair, empty_pair: str) -> AsyncIterator[SampleService]:
    async with open_sample_service(database_pair, empty_pair) as opened:
        await opened.warm()
        yield opened


async def _swap(service: SampleService, pair: DatabasePair, *, cut: bool) -> None:
    """Swap as Aurora does: no writer for a moment, then the addresses point at the new servers."""
    await pair.demote()
    await service.until_responded(service.write, 503)
    await pair.promote()
    service.writer.switch(pair.writer.port)
    service.reader.switch(pair.reader.port)
    if cut:
        service.writer.cut()
        service.reader.cut()


@pytest.mark.parametrize("cut", [False, True], ids=["connections stay open", "connections are cut"])
async def test_during_a_swap_reads_succeed_and_writes_get_503_until_there_is_a_new_writer(
    service: SampleService, database_pair: DatabasePair, cut: bool
) -> None:
    async with (
        Clients(service.read) as reading,
        Clients(service.read_fresh) as reading_fresh,
        Clients(service.write) as writing,
    ):
        await _swap(service, database_pair, cut=cut)
        await service.until_responded(service.write, 200)
        await service.until_responded(service.read_fresh, 200)

    assert reading.statuses.keys() == {200}
    assert reading_fresh.statuses.keys() | writing.statuses.keys() == {200, 503}
    assert reading_fresh.without_retry_after == writing.without_retry_after == 0
    assert service.refused_writes[ONLY_READS] <= CONNECTIONS  # at most one for each open connection
    assert set((await service.read_fresh()).json()) >= service.acknowledged


async def test_no_stale_read_from_a_demoted_writer(service: SampleService, database_pair: DatabasePair) -> None:
    """The demoted writer still has its address and open connections, and would return outdated rows."""
    await database_pair.swap()

    assert (await service.read_fresh()).status_code == 503


async def test_consecutive_swaps_keep_every_write(service: SampleService, database_pair: DatabasePair) -> None:
    async with Clients(service.write) as writing:
        for _ in range(2):
            await _swap(service, database_pair, cut=True)
            await service.until_responded(service.write, 200)

    assert writing.statuses.keys() <= {200, 503}
    assert set((await service.read_fresh()).json()) >= service.acknowledged


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(600)
async def test_no_write_is_missing_after_a_long_series_of_outages(
    service: SampleService, database_pair: DatabasePair
) -> None:
    """Swaps, cut connections, silence and slowness in random order, under continuous reads and writes."""
    chance = random.Random(5)
    async with (
        Clients(service.read) as reading,
        Clients(service.read_fresh) as reading_fresh,
        Clients(service.write) as writing,
    ):
        for _ in range(30):
            match chance.choice(("swap", "swap with cuts", "cut", "silence", "slow")):
                case "cut":
                    service.writer.cut()
                    service.reader.cut()
                case "silence":
                    service.writer.timeout()
                    await asyncio.sleep(chance.uniform(0.1, 3))
                case "slow":
                    service.writer.latency(0.02)
                    await asyncio.sleep(1)
                case swap:
                    await _swap(service, database_pair, cut=swap.endswith("cuts"))
            service.writer.heal()
            await service.until_responded(service.write, 200)

    for clients in (reading, reading_fresh, writing):
        assert clients.statuses.keys() <= {200, 503}
        assert clients.without_retry_after == 0
    await database_pair.wait_applied()
    assert set((await service.read_fresh()).json()) >= service.acknowledged
    assert set((await service.read()).json()) >= service.acknowledged
