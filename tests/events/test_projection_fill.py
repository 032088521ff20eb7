"""Filling a projection from all rows: one worker reads them, and another one takes over after a crash."""

import asyncio

import pytest

from app.events.service import projection
from app.events.service.projection import ProjectionUpdater
from app.events.store.cursors import FILL_LEASE, CursorStore
from app.stores.aurora import Database
from app.worker.projections import ProjectionLoops
from darkroom_shared.task_group import TaskGroup
from tests.events.recording_projection import RecordingProjection, append, applied_numbers, cursor
from tests.services import ManualClock, Services


async def test_only_one_worker_reads_the_rows_of_a_large_new_account(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    rows = [str(number) for number in range(12)]
    await cursors.enrol(name, [services.account])
    projections = [RecordingProjection(name, rows=rows) for _ in range(4)]
    await asyncio.gather(
        *(
            ProjectionUpdater(services.base.events.log, cursors, [each]).apply_events(services.account)
            for each in projections
        )
    )
    assert await applied_numbers(database, services.account) == [-1] * 12
    # No updater has noticed the other updaters before the first page is written.
    assert sum(each.pages_read for each in projections) <= 12 + 3


async def test_the_filling_worker_continues_while_a_second_one_is_refused(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    resume = asyncio.Event()
    first, second = (
        RecordingProjection(name, ["a", "b", "c"], before_write=resume, waits_from=2),
        RecordingProjection(name, ["a", "b", "c"]),
    )
    await cursors.enrol(name, [services.account])
    async with TaskGroup() as tasks:
        tasks.create_task(ProjectionUpdater(services.base.events.log, cursors, [first]).apply_events(services.account))
        await first.reading.wait()
        await append(services, 1)
        assert not await ProjectionUpdater(services.base.events.log, cursors, [second]).catch_up(
            second, services.account
        )
        resume.set()
    assert (first.pages_read, second.pages_read) == (3, 0)
    assert await applied_numbers(database, services.account) == [-1, -1, -1, 1]


async def dead_while_filling(services: Services, cursors: CursorStore, name: str) -> None:
    """Crash after the first of three pages."""
    crashing = RecordingProjection(name, ["a", "b", "c"], before_write=asyncio.Event(), waits_from=2)
    filling = asyncio.create_task(
        ProjectionUpdater(services.base.events.log, cursors, [crashing]).apply_events(services.account)
    )
    await crashing.reading.wait()
    filling.cancel()
    await asyncio.wait({filling})


async def test_a_worker_that_crashes_while_filling_is_replaced_after_its_lease(
    services: Services, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    await cursors.enrol(name, [services.account])
    await dead_while_filling(services, cursors, name)
    successor = RecordingProjection(name, ["a", "b", "c"])
    loops = ProjectionLoops(
        ProjectionUpdater(services.base.events.log, cursors, [successor]), services.base.amazon.queues
    )
    await loops.process(0)
    assert (successor.pages_read, await cursors.behind(name, "", 10)) == (0, [services.account])
    clock.now += FILL_LEASE
    await loops.process(0)
    assert (successor.pages_read, await cursors.behind(name, "", 10)) == (3, [])
    assert await applied_numbers(database, services.account) == [-1] * 4


async def test_a_slow_worker_writes_nothing_after_its_successor(
    services: Services, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    resume = asyncio.Event()
    slow, successor = (
        RecordingProjection(name, ["a", "b", "c"], before_write=resume, waits_from=2),
        RecordingProjection(name, ["a", "b", "c"]),
    )
    await cursors.enrol(name, [services.account])
    async with TaskGroup() as tasks:
        tasks.create_task(ProjectionUpdater(services.base.events.log, cursors, [slow]).apply_events(services.account))
        await slow.reading.wait()
        clock.now += FILL_LEASE
        await ProjectionUpdater(services.base.events.log, cursors, [successor]).apply_events(services.account)
        resume.set()
    assert (slow.pages_read, successor.pages_read) == (2, 3)
    assert await applied_numbers(database, services.account) == [-1] * 4


async def test_a_rebuild_during_a_fill_ends_when_the_fill_is_done(
    services: Services, database: Database, cursors: CursorStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(projection, "POLL_SECONDS", 0.01)
    resume = asyncio.Event()
    first, second = (
        RecordingProjection(name, ["a", "b"], before_write=resume, waits_from=2),
        RecordingProjection(name, ["a", "b"]),
    )
    await cursors.enrol(name, [services.account])
    async with TaskGroup() as tasks:
        tasks.create_task(ProjectionUpdater(services.base.events.log, cursors, [first]).apply_events(services.account))
        await first.reading.wait()
        rebuilding = ProjectionUpdater(services.base.events.log, cursors, [second]).rebuild(second, services.account)
        rebuilt = tasks.create_task(rebuilding)
        done, _ = await asyncio.wait({rebuilt}, timeout=0.1)
        assert not done
        resume.set()
    assert (second.pages_read, (await cursor(cursors, name, services.account)).applied) == (0, 0)
