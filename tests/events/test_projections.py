"""Projections: every event is applied once and in order, despite crashes, duplicates and outages."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.events.schema.values import Cursor
from app.events.service.nudging import ProjectionNudges
from app.events.service.projection import ProjectionUpdater
from app.events.service.relay import RelayService
from app.events.store.cursors import CursorStore
from app.events.store.relational import RelationalEvents
from app.stores.aurora import Database
from app.stores.resources import NUDGES_QUEUE
from app.worker.projections import ProjectionLoops
from darkroom_shared.ids import new_account_id
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.events.recording_projection import RecordingProjection, append, applied_numbers, cursor
from tests.servers import free_port
from tests.services import ManualClock, Services


def relay(services: Services, cursors: CursorStore, name: str) -> RelayService:
    nudges = ProjectionNudges(cursors, services.base.amazon.queues, [name])
    return RelayService(
        store=services.base.events.store,
        topics=services.base.amazon.topics,
        projections=nudges,
        clock=services.base.clock,
    )


async def test_the_relay_creates_a_cursor_and_only_ever_raises_it(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(services, 3)
    await relay(services, cursors, name).relay(services.account)
    assert await cursor(cursors, name, services.account) == Cursor(name, services.account, None, 3, 0)
    await cursors.mark_behind(services.account, 2, [name])
    assert (await cursor(cursors, name, services.account)).wanted == 3
    await ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name)]).apply_events(
        services.account
    )
    assert await cursors.behind(name, "", 10) == []
    await cursors.mark_behind(services.account, 3, [name])
    assert await cursors.behind(name, "", 10) == []
    await append(services)
    await relay(services, cursors, name).relay(services.account)
    assert (await cursor(cursors, name, services.account)).wanted == 4
    assert await cursors.behind(name, "", 10) == [services.account]


async def test_during_an_aurora_outage_the_relayed_number_stays_and_no_event_is_published(
    services: Services, cursors: CursorStore, name: str
) -> None:
    away = Database(f"mysql+asyncmy://root@127.0.0.1:{free_port()}/darkroom")
    await append(services)
    with pytest.raises(Unavailable):
        await relay(services, CursorStore(away, services.base.clock), name).relay(services.account)
    head = await services.base.events.log.head(services.account)
    assert (head.relayed, head.last, head.behind_since is not None) == (0, 1, True)
    await relay(services, cursors, name).relay(services.account)
    assert (await services.base.events.log.head(services.account)).relayed == 1
    assert (await cursor(cursors, name, services.account)).wanted == 1
    await away.close()


async def test_concurrent_updaters_apply_every_event_once_and_in_order(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [services.account])
    updaters = [ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name)]) for _ in range(4)]

    async def catch_up(updater: ProjectionUpdater) -> None:
        for _ in range(12):
            await updater.apply_events(services.account)
            await asyncio.sleep(0)

    async with TaskGroup() as tasks:
        for each in updaters:
            tasks.create_task(catch_up(each))
        tasks.create_task(append(services, 20))
    await updaters[0].apply_events(services.account)
    numbers = await applied_numbers(database, services.account)
    # The updater that filled first starts at the head of that moment. From there on no number is left out.
    assert numbers == list(range(21 - len(numbers), 21))
    assert (await cursor(cursors, name, services.account)).applied == 20


async def test_an_update_killed_before_its_commit_writes_nothing_and_is_repeated(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    projection = RecordingProjection(name)
    updater = ProjectionUpdater(services.base.events.log, cursors, [projection])
    await cursors.enrol(name, [services.account])
    await updater.apply_events(services.account)
    await append(services, 5)
    projection.crashes = 2
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await updater.apply_events(services.account)
        assert await applied_numbers(database, services.account) == []
    await updater.apply_events(services.account)
    await updater.apply_events(services.account)  # a duplicate nudge
    assert await applied_numbers(database, services.account) == [1, 2, 3, 4, 5]


async def test_a_late_writer_with_stale_rows_is_refused(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [services.account])
    early = await cursor(cursors, name, services.account)
    late = RecordingProjection(name, rows=["a"])
    step, _ = await late.read_page(services.account, None)
    await ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name, rows=["a"])]).apply_events(
        services.account
    )
    assert not await cursors.write(early, step, None)
    assert await applied_numbers(database, services.account) == [-1]


async def test_a_new_projection_reads_the_rows_then_the_later_events(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(services, 4)
    resume = asyncio.Event()
    projection = RecordingProjection(name, rows=["a", "b"], before_write=resume)
    await cursors.enrol(name, [services.account])
    async with TaskGroup() as tasks:
        tasks.create_task(
            ProjectionUpdater(services.base.events.log, cursors, [projection]).apply_events(services.account)
        )
        await projection.reading.wait()
        await append(services, 2)
        resume.set()
    assert await applied_numbers(database, services.account) == [-1, -1, 5, 6]


async def test_a_concurrent_fill_completes_although_one_of_its_workers_is_killed(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(services, 3)
    await cursors.enrol(name, [services.account])
    crashing = ProjectionUpdater(
        services.base.events.log, cursors, [RecordingProjection(name, rows=["a", "b", "c"], crashes=1)]
    )
    living = [
        ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name, rows=["a", "b", "c"])])
        for _ in range(2)
    ]
    results = await asyncio.gather(
        *(each.apply_events(services.account) for each in (crashing, *living)), return_exceptions=True
    )
    assert [result for result in results if result is not None and not isinstance(result, asyncio.CancelledError)] == []
    await living[0].apply_events(services.account)
    assert (await cursor(cursors, name, services.account)).applied == 3
    assert await applied_numbers(database, services.account) == [-1, -1, -1]


async def test_a_projection_behind_the_retention_reads_the_rows_again(
    services: Services, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    projection = RecordingProjection(name, rows=["a"])
    updater = ProjectionUpdater(services.base.events.log, cursors, [projection])
    await cursors.enrol(name, [services.account])
    await updater.apply_events(services.account)
    await append(services, 2)
    clock.advance(days=31)
    await append(services, 1)
    await updater.apply_events(services.account)
    await append(services, 1)
    await updater.apply_events(services.account)
    assert await applied_numbers(database, services.account) == [-1, -1, 4]
    assert projection.pages_read == 2


async def test_a_rebuild_runs_concurrently_with_the_updates(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    projection = RecordingProjection(name, rows=["a", "b"])
    updater = ProjectionUpdater(services.base.events.log, cursors, [projection])
    await cursors.enrol(name, [services.account])
    await updater.apply_events(services.account)
    projection.before_write = asyncio.Event()
    projection.reading.clear()
    async with TaskGroup() as tasks:
        tasks.create_task(updater.rebuild(projection, services.account))
        await projection.reading.wait()
        await append(services, 1)
        await updater.apply_events(services.account)
        assert (await applied_numbers(database, services.account))[-1] == 1
        projection.before_write.set()
    # The rebuild repeats the page that it read before the event was applied.
    assert await applied_numbers(database, services.account) == [-1, -1, 1, -1, -1]
    assert projection.pages_read == 2 + 3


async def test_a_nudge_wakes_a_projection_and_polling_repairs_a_dropped_nudge(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    projection, other_account = RecordingProjection(name), new_account_id()
    projection.known = [other_account]
    loops = ProjectionLoops(
        ProjectionUpdater(services.base.events.log, cursors, [projection]), services.base.amazon.queues
    )
    stopping = asyncio.Event()
    await append(services, 1)
    await relay(services, cursors, name).relay(services.account)
    async with TaskGroup() as tasks:
        tasks.create_task(loops.consumer().run(stopping, 1.0))
        while (await cursor(cursors, name, services.account)).applied != 1:  # noqa: ASYNC110  no event to await
            await asyncio.sleep(0.05)
        stopping.set()
    await append(services, 1)
    await cursors.mark_behind(services.account, 2, [name])
    await loops.process(0)
    assert await applied_numbers(database, services.account) == [2]
    assert (await cursor(cursors, name, other_account)).applied == 0


class SilentQueues:
    """A queue that accepts calls and does not respond."""

    async def send(self, *_arguments: object, **_named: object) -> None:
        await asyncio.Event().wait()


async def test_a_nudge_to_a_queue_that_does_not_respond_ends(
    services: Services, cursors: CursorStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.events.service.nudging.NUDGE_SECONDS", 0.05)
    silent: Any = SilentQueues()
    with capture_logs() as entries:
        async with asyncio.timeout(60):
            await ProjectionNudges(cursors, silent, [name]).nudge(services.account)
    assert [entry["event"] for entry in entries] == ["after_commit.postponed"]


async def test_unreadable_and_unknown_nudges_are_discarded(services: Services, cursors: CursorStore, name: str) -> None:
    queues = services.base.amazon.queues
    loops = ProjectionLoops(ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name)]), queues)
    for body in ({}, {"account_id": 7}, {"account_id": "acc_x"}, {"account_id": new_account_id()}):
        await queues.send(NUDGES_QUEUE, body, group="group")
        for message in await queues.receive(NUDGES_QUEUE, limit=10):
            await loops.handle(message)


async def test_an_erased_account_has_no_cursor_and_no_late_step_writes(
    services: Services, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [services.account])
    read = await cursor(cursors, name, services.account)
    step, _ = await RecordingProjection(name, rows=["a"]).read_page(services.account, None)
    relational = RelationalEvents(database)
    assert await relational.count_rows(services.account) == {"cursors": 1, "event_outbox": 0, "relational requests": 0}
    assert [count async for count in relational.erase(services.account)] == [1, 0, 0]
    assert not await cursors.write(read, step, 7)
    await ProjectionUpdater(services.base.events.log, cursors, [RecordingProjection(name)]).apply_events(
        services.account
    )
    assert set((await relational.count_rows(services.account)).values()) == {0}
    assert await applied_numbers(database, services.account) == []
