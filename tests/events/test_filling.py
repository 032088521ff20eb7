"""Reading all rows for a follower: one worker does it, and another one once that one is dead."""

import asyncio

import pytest

from app.events import follower
from app.events.cursors import FILL_LEASE, CursorStore
from app.events.follower import Following
from app.stores.aurora import Database
from app.worker.following import FollowerLoops
from shared.task_group import TaskGroup
from tests.events.ledger import Ledger, append, cursor, heard
from tests.house import House, ManualClock


async def test_only_one_reads_the_rows_of_a_large_new_account(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    rows = [str(number) for number in range(12)]
    await cursors.enrol(name, [house.account])
    ledgers = [Ledger(name, rows=rows) for _ in range(4)]
    await asyncio.gather(*(Following(house.base.events.log, cursors, [each]).follow(house.account) for each in ledgers))
    assert await heard(database, house.account) == [-1] * 12
    # Nobody knows of the others before the first page is written.
    assert sum(each.pages_read for each in ledgers) <= 12 + 3


async def test_who_fills_works_on_while_a_second_one_is_refused(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    go_on = asyncio.Event()
    first, second = Ledger(name, ["a", "b", "c"], before_write=go_on, waits_from=2), Ledger(name, ["a", "b", "c"])
    await cursors.enrol(name, [house.account])
    async with TaskGroup() as tasks:
        tasks.create_task(Following(house.base.events.log, cursors, [first]).follow(house.account))
        await first.reading.wait()
        await append(house, 1)
        assert not await Following(house.base.events.log, cursors, [second]).catch_up(second, house.account)
        go_on.set()
    assert (first.pages_read, second.pages_read) == (3, 0)
    assert await heard(database, house.account) == [-1, -1, -1, 1]


async def dead_while_filling(house: House, cursors: CursorStore, name: str) -> None:
    """After the first of three pages."""
    dying = Ledger(name, ["a", "b", "c"], before_write=asyncio.Event(), waits_from=2)
    filling = asyncio.create_task(Following(house.base.events.log, cursors, [dying]).follow(house.account))
    await dying.reading.wait()
    filling.cancel()
    await asyncio.wait({filling})


async def test_who_dies_while_filling_is_replaced_after_the_lease(
    house: House, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    await cursors.enrol(name, [house.account])
    await dead_while_filling(house, cursors, name)
    heir = Ledger(name, ["a", "b", "c"])
    loops = FollowerLoops(house.base.events.log, cursors, house.base.amazon.queues, [heir])
    await loops.visit(0)
    assert (heir.pages_read, await cursors.behind(name, "", 10)) == (0, [house.account])
    clock.now += FILL_LEASE
    await loops.visit(0)
    assert (heir.pages_read, await cursors.behind(name, "", 10)) == (3, [])
    assert await heard(database, house.account) == [-1] * 4


async def test_who_was_only_slow_writes_nothing_after_its_heir(
    house: House, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    go_on = asyncio.Event()
    slow, heir = Ledger(name, ["a", "b", "c"], before_write=go_on, waits_from=2), Ledger(name, ["a", "b", "c"])
    await cursors.enrol(name, [house.account])
    async with TaskGroup() as tasks:
        tasks.create_task(Following(house.base.events.log, cursors, [slow]).follow(house.account))
        await slow.reading.wait()
        clock.now += FILL_LEASE
        await Following(house.base.events.log, cursors, [heir]).follow(house.account)
        go_on.set()
    assert (slow.pages_read, heir.pages_read) == (2, 3)
    assert await heard(database, house.account) == [-1] * 4


async def test_a_rebuild_of_what_is_being_filled_ends_when_that_is_done(
    house: House, database: Database, cursors: CursorStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(follower, "LOOK_SECONDS", 0.01)
    go_on = asyncio.Event()
    first, second = Ledger(name, ["a", "b"], before_write=go_on, waits_from=2), Ledger(name, ["a", "b"])
    await cursors.enrol(name, [house.account])
    async with TaskGroup() as tasks:
        tasks.create_task(Following(house.base.events.log, cursors, [first]).follow(house.account))
        await first.reading.wait()
        rebuilding = Following(house.base.events.log, cursors, [second]).rebuild(second, house.account)
        rebuilt = tasks.create_task(rebuilding)
        done, _ = await asyncio.wait({rebuilt}, timeout=0.1)
        assert not done
        go_on.set()
    assert (second.pages_read, (await cursor(cursors, name, house.account)).applied) == (0, 0)
