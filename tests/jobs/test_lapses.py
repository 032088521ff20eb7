"""An outage of the table that outlasts the lease costs no living worker its attempt; a dead one's is still counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.exports.wiring import build_export_work
from app.items.service.lifecycle import LEASE
from app.jobs.attempt import HEARTBEATS_PER_LEASE
from app.jobs.lapses import MARGIN, Lapses
from app.stores.aws_errors import ErrorClass
from app.stores.resources import shard_of
from app.worker.sweeper import build_export_sweeper, build_item_sweeper
from darkroom_shared.problems import Unavailable
from tests.jobs.aws_faults import ALL_WRITES
from tests.jobs.kinds import COUNTED, KINDS, Job
from tests.jobs.loops import Faulty, open_faulty
from tests.services import ManualClock, Stores

OUTAGE = timedelta(seconds=61)
HEARTBEAT = LEASE / HEARTBEATS_PER_LEASE
SECOND = timedelta(seconds=1)


@pytest.fixture
async def faulty(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Faulty]:
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@pytest.fixture(params=COUNTED)
async def job(request: pytest.FixtureRequest, faulty: Faulty, clock: ManualClock) -> Job:
    started = KINDS[request.param](faulty.own, clock)
    await started.start()
    return started


def sweeper_of(job: Any, faulty: Faulty) -> Callable[[], Awaitable[None]]:
    """Return the tick of a sweeper, in the job's shard."""
    base, row = faulty.services.base, job._row
    if hasattr(row, "export_id"):
        exports = build_export_sweeper(build_export_work(base=base, lease=LEASE).maintenance)
        return lambda: exports.process(int(shard_of(row.export_id)))
    items = build_item_sweeper(faulty.services.maintenance, base.amazon.queues)
    return lambda: items.process(int(shard_of(row.item_id)))


async def outage(faulty: Faulty, tick: Callable[[], Awaitable[None]], lasts: timedelta) -> None:
    """Let a tick fail at the beginning and at the end of an outage."""
    await tick()
    faulty.faults.begin_outage("query", ErrorClass.UNREACHABLE)
    with capture_logs():
        for passed in (timedelta(), lasts):
            faulty.clock.now += passed
            with pytest.raises(Unavailable):
                await tick()
    faulty.faults.end_outage()


async def test_a_sweep_before_the_heartbeat_after_an_outage_costs_no_attempt(faulty: Faulty, job: Job) -> None:
    tick = sweeper_of(job, faulty)
    claimed = await job.claim()
    await outage(faulty, tick, OUTAGE)
    await tick()
    faulty.clock.now += HEARTBEAT
    await tick()
    assert await job.lost_attempts() == 0
    claimed = await job.renew(claimed)
    faulty.clock.now += MARGIN
    await tick()
    assert await job.lost_attempts() == 0
    await job.finish(claimed)
    assert not await job.has_failed()


async def test_a_dead_workers_attempt_is_counted_a_heartbeat_after_an_outage(faulty: Faulty, job: Job) -> None:
    tick = sweeper_of(job, faulty)
    await job.claim()
    await outage(faulty, tick, OUTAGE)
    for lost_attempts, passed in ((0, timedelta()), (0, HEARTBEAT), (1, MARGIN)):
        faulty.clock.now += passed
        await tick()
        assert await job.lost_attempts() == lost_attempts


async def test_an_outage_of_writes_costs_no_attempt(faulty: Faulty, job: Job) -> None:
    tick = sweeper_of(job, faulty)
    await tick()
    claimed = await job.claim()
    faulty.clock.now += OUTAGE
    for operation in ALL_WRITES:
        faulty.faults.begin_outage(operation, ErrorClass.THROTTLED)
    with capture_logs() as logs:
        await tick()
    assert logs, "the lapse could not be written"
    faulty.faults.end_outage()
    await tick()
    faulty.clock.now += HEARTBEAT
    await tick()
    assert await job.lost_attempts() == 0
    await job.finish(await job.renew(claimed))
    assert not await job.has_failed()


async def test_a_short_outage_delays_no_lapse(faulty: Faulty, job: Job) -> None:
    tick = sweeper_of(job, faulty)
    await job.claim()
    faulty.clock.now += LEASE - HEARTBEAT
    await outage(faulty, tick, HEARTBEAT - SECOND)
    await tick()
    faulty.clock.now += SECOND
    await tick()
    assert await job.lost_attempts() == 1


@dataclass(frozen=True, slots=True)
class Row:
    lost_attempts: int = 0


@dataclass(frozen=True, slots=True)
class LapsedChange:
    row: Row = Row(1)


@dataclass(slots=True)
class Table:
    """Rows whose claims have lapsed."""

    is_writable: bool = True
    renewed: list[int] = field(default_factory=list)
    lapsed: list[int] = field(default_factory=list)

    async def change(self, number: int, rule: Callable[[Row], LapsedChange | None]) -> Row:
        change = rule(Row())
        if change is None:
            return Row()
        await asyncio.sleep(0)
        if not self.is_writable:
            raise Unavailable
        (self.lapsed if change.row.lost_attempts else self.renewed).append(number)
        return change.row


async def test_after_an_outage_of_writes_one_claim_at_a_time_is_renewed_and_then_lapses_wait(
    clock: ManualClock,
) -> None:
    lapses, table = Lapses(clock, LEASE), Table(is_writable=False)

    async def lapse(number: int) -> Row:
        return await lapses.apply(
            partial(table.change, number),
            lambda _row: LapsedChange(),
            lambda _row, _extension: LapsedChange(Row(0)),
            lost_attempts=lambda row: row.lost_attempts,
            queue="bulk",
        )

    async def sweep() -> None:
        await asyncio.gather(*(lapse(number) for number in {0, 1, 2} - {*table.lapsed}), return_exceptions=True)

    await sweep()
    await sweep()
    table.is_writable = True
    for passed, lapsed in ((timedelta(), 0), (HEARTBEAT, 0), (MARGIN, 3)):
        clock.now += passed
        await sweep()
        assert (len(table.renewed), len(table.lapsed)) == (1, lapsed)


async def pages() -> AsyncIterator[int]:
    yield 1


async def failing_pages() -> AsyncIterator[int]:
    yield 1
    raise Unavailable


async def watch(lapses: Lapses, watched: AsyncIterator[int]) -> None:
    assert [page async for page in lapses.watch(watched)] == [1]


async def test_a_starting_sweeper_waits_once_from_the_first_tick_that_reaches_the_table(clock: ManualClock) -> None:
    lapses = Lapses(clock, LEASE)
    lapses.start_paused()
    clock.now += OUTAGE
    assert lapses.are_paused
    await watch(lapses, pages())
    clock.now += HEARTBEAT
    await watch(lapses, pages())
    assert lapses.are_paused
    clock.now += MARGIN
    assert not lapses.are_paused


async def test_occasional_failures_do_not_pause_lapses(clock: ManualClock) -> None:
    lapses = Lapses(clock, LEASE)
    for _ in range(20):
        with pytest.raises(Unavailable):
            await watch(lapses, failing_pages())
        clock.now += 5 * SECOND
        await watch(lapses, pages())
        assert not lapses.are_paused
