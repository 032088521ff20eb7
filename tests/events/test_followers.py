"""Following the logs inside the service: every event applied once and in order, whoever is killed, doubled or away."""

import asyncio

import pytest

from app.events.cursors import Cursor, CursorStore
from app.events.follower import Following
from app.events.nudging import FollowerNudges
from app.events.relational import RelationalEvents
from app.events.relay import RelayService
from app.stores.aurora import Database
from app.stores.resources import NUDGES_QUEUE
from app.worker.following import FollowerLoops
from shared.ids import new_account_id
from shared.problems import Unavailable
from shared.task_group import TaskGroup
from tests.events.ledger import Ledger, append, cursor, heard
from tests.house import House, ManualClock
from tests.servers import free_port


def relay(house: House, cursors: CursorStore, name: str) -> RelayService:
    nudges = FollowerNudges(cursors, house.base.amazon.queues, [name])
    return RelayService(house.base.events.store, house.base.amazon.topics, nudges, house.base.clock)


async def test_the_relay_makes_a_cursor_raises_it_and_never_lowers_it(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(house, 3)
    await relay(house, cursors, name).relay(house.account)
    assert await cursor(cursors, name, house.account) == Cursor(name, house.account, None, 3, 0)
    await cursors.want(house.account, 2, [name])
    assert (await cursor(cursors, name, house.account)).wanted == 3
    await Following(house.base.events.log, cursors, [Ledger(name)]).follow(house.account)
    assert await cursors.behind(name, "", 10) == []
    await cursors.want(house.account, 3, [name])
    assert await cursors.behind(name, "", 10) == []
    await append(house)
    await relay(house, cursors, name).relay(house.account)
    assert (await cursor(cursors, name, house.account)).wanted == 4
    assert await cursors.behind(name, "", 10) == [house.account]


async def test_while_aurora_is_away_the_relayed_number_stands_and_nothing_is_published(
    house: House, cursors: CursorStore, name: str
) -> None:
    away = Database(f"mysql+asyncmy://root@127.0.0.1:{free_port()}/darkroom")
    await append(house)
    with pytest.raises(Unavailable):
        await relay(house, CursorStore(away, house.base.clock), name).relay(house.account)
    head = await house.base.events.log.head(house.account)
    assert (head.relayed, head.last, head.behind_since is not None) == (0, 1, True)
    await relay(house, cursors, name).relay(house.account)
    assert (await house.base.events.log.head(house.account)).relayed == 1
    assert (await cursor(cursors, name, house.account)).wanted == 1
    await away.close()


async def test_many_at_once_apply_every_event_once_and_in_order(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [house.account])
    followings = [Following(house.base.events.log, cursors, [Ledger(name)]) for _ in range(4)]

    async def follow(following: Following) -> None:
        for _ in range(12):
            await following.follow(house.account)
            await asyncio.sleep(0)

    async with TaskGroup() as tasks:
        for each in followings:
            tasks.create_task(follow(each))
        tasks.create_task(append(house, 20))
    await followings[0].follow(house.account)
    numbers = await heard(database, house.account)
    # Whoever filled first has the head of that moment; from there on nothing is left out.
    assert numbers == list(range(21 - len(numbers), 21))
    assert (await cursor(cursors, name, house.account)).applied == 20


async def test_what_is_killed_between_applying_and_committing_leaves_nothing_and_is_done_again(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    ledger = Ledger(name)
    following = Following(house.base.events.log, cursors, [ledger])
    await cursors.enrol(name, [house.account])
    await following.follow(house.account)
    await append(house, 5)
    ledger.dies = 2
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await following.follow(house.account)
        assert await heard(database, house.account) == []
    await following.follow(house.account)
    await following.follow(house.account)  # a doubled nudge
    assert await heard(database, house.account) == [1, 2, 3, 4, 5]


async def test_a_late_writer_whose_rows_were_read_before_anothers_write_is_refused(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [house.account])
    early = await cursor(cursors, name, house.account)
    late = Ledger(name, rows=["a"])
    step, _ = await late.read_page(house.account, None)
    await Following(house.base.events.log, cursors, [Ledger(name, rows=["a"])]).follow(house.account)
    assert not await cursors.write(early, step, None)
    assert await heard(database, house.account) == [-1]


async def test_a_new_follower_reads_the_rows_and_then_what_happened_meanwhile(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(house, 4)
    go_on = asyncio.Event()
    ledger = Ledger(name, rows=["a", "b"], before_write=go_on)
    await cursors.enrol(name, [house.account])
    async with TaskGroup() as tasks:
        tasks.create_task(Following(house.base.events.log, cursors, [ledger]).follow(house.account))
        await ledger.reading.wait()
        await append(house, 2)
        go_on.set()
    assert await heard(database, house.account) == [-1, -1, 5, 6]


async def test_several_fill_at_once_and_one_of_them_is_killed(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await append(house, 3)
    await cursors.enrol(name, [house.account])
    dying = Following(house.base.events.log, cursors, [Ledger(name, rows=["a", "b", "c"], dies=1)])
    living = [Following(house.base.events.log, cursors, [Ledger(name, rows=["a", "b", "c"])]) for _ in range(2)]
    results = await asyncio.gather(*(each.follow(house.account) for each in (dying, *living)), return_exceptions=True)
    assert [result for result in results if result is not None and not isinstance(result, asyncio.CancelledError)] == []
    await living[0].follow(house.account)
    assert (await cursor(cursors, name, house.account)).applied == 3
    assert await heard(database, house.account) == [-1, -1, -1]


async def test_whoever_slept_for_longer_than_events_are_kept_reads_the_rows_anew(
    house: House, database: Database, cursors: CursorStore, clock: ManualClock, name: str
) -> None:
    ledger = Ledger(name, rows=["a"])
    following = Following(house.base.events.log, cursors, [ledger])
    await cursors.enrol(name, [house.account])
    await following.follow(house.account)
    await append(house, 2)
    clock.advance(days=31)
    await append(house, 1)
    await following.follow(house.account)
    await append(house, 1)
    await following.follow(house.account)
    assert await heard(database, house.account) == [-1, -1, 4]
    assert ledger.pages_read == 2


async def test_a_rebuild_goes_on_beside_the_following(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    ledger = Ledger(name, rows=["a", "b"])
    following = Following(house.base.events.log, cursors, [ledger])
    await cursors.enrol(name, [house.account])
    await following.follow(house.account)
    ledger.before_write = asyncio.Event()
    ledger.reading.clear()
    async with TaskGroup() as tasks:
        tasks.create_task(following.rebuild(ledger, house.account))
        await ledger.reading.wait()
        await append(house, 1)
        await following.follow(house.account)
        assert (await heard(database, house.account))[-1] == 1
        ledger.before_write.set()
    # The page that was read before the event was applied is read again.
    assert await heard(database, house.account) == [-1, -1, 1, -1, -1]
    assert ledger.pages_read == 2 + 3


async def test_a_nudge_wakes_a_follower_and_a_lost_one_is_made_up_for_by_the_round(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    ledger, stranger = Ledger(name), new_account_id()
    ledger.known = [stranger]
    loops = FollowerLoops(house.base.events.log, cursors, house.base.amazon.queues, [ledger])
    stopping = asyncio.Event()
    await append(house, 1)
    await relay(house, cursors, name).relay(house.account)
    async with TaskGroup() as tasks:
        tasks.create_task(loops.consumer().run(stopping, 1.0))
        while (await cursor(cursors, name, house.account)).applied != 1:  # noqa: ASYNC110  the queue tells nobody else
            await asyncio.sleep(0.05)
        stopping.set()
    await append(house, 1)
    await cursors.want(house.account, 2, [name])
    await loops.visit(0)
    assert await heard(database, house.account) == [2]
    assert (await cursor(cursors, name, stranger)).applied == 0


async def test_unreadable_and_unknown_nudges_are_thrown_away(house: House, cursors: CursorStore, name: str) -> None:
    queues = house.base.amazon.queues
    loops = FollowerLoops(house.base.events.log, cursors, queues, [Ledger(name)])
    for body in ({}, {"account_id": 7}, {"account_id": "acc_x"}, {"account_id": new_account_id()}):
        await queues.send(NUDGES_QUEUE, body, group="group")
        for message in await queues.receive(NUDGES_QUEUE, most=10):
            await loops.handle(message)


async def test_what_is_erased_has_no_cursor_left_and_no_late_step_writes(
    house: House, database: Database, cursors: CursorStore, name: str
) -> None:
    await cursors.enrol(name, [house.account])
    read = await cursor(cursors, name, house.account)
    step, _ = await Ledger(name, rows=["a"]).read_page(house.account, None)
    relational = RelationalEvents(database)
    assert await relational.count_rows(house.account) == {"cursors": 1, "event_outbox": 0, "relational requests": 0}
    assert [count async for count in relational.erase(house.account)] == [1, 0, 0]
    assert not await cursors.write(read, step, 7)
    await Following(house.base.events.log, cursors, [Ledger(name)]).follow(house.account)
    assert set((await relational.count_rows(house.account)).values()) == {0}
    assert await heard(database, house.account) == []
