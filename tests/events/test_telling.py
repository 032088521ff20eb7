"""From the outbox into the logs: one event for each member and dedupe key, whoever dies, doubles or is away."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from sqlalchemy import insert

from app.events.log import EventLog, NewEvent
from app.events.outbox import EventOutbox
from app.events.outbox_store import OutboxRow, OutboxStore
from app.events.schema import event_outbox
from app.events.telling import BATCH, OutboxRelay, PromptTelling
from app.stores.aurora import Database
from app.worker.telling import Teller
from shared.events import Event, EventType
from shared.ids import AccountId, new_account_id
from shared.problems import Unavailable
from shared.task_group import TaskGroup
from tests.house import House, ManualClock, Stores, open_house


class Trouble(OutboxStore):
    """A store whose worker dies between the append and the delete, or whose database is away just then."""

    def __init__(self, database: Database, *failures: BaseException) -> None:
        super().__init__(database)
        self.failures = list(failures)

    async def delete(self, rows: Sequence[OutboxRow]) -> None:
        if self.failures:
            raise self.failures.pop()
        await super().delete(rows)


@pytest_asyncio.fixture(scope="module")
async def second(stores: Stores, clock_of_the_module: ManualClock) -> AsyncIterator[House]:
    """Another process's services on the same stores."""
    async with open_house(stores, clock_of_the_module) as opened:
        yield opened


def relay(house: House, store: OutboxStore) -> OutboxRelay:
    return OutboxRelay(store, house.base.events.log, house.base.clock)


async def write(database: Database, clock: ManualClock, accounts: list[AccountId], *keys: str) -> None:
    outbox = EventOutbox(clock)
    for key in keys:
        async with database.writer.write() as connection:
            await outbox.tell(connection, accounts, NewEvent(EventType.ALBUM_UPDATED, key, {"title": key}), key)


async def told(log: EventLog, account: AccountId) -> list[str]:
    events: list[Event] = []
    while True:
        page = await log.read(account, len(events), limit=500)
        events += page.events
        if len(events) == page.head:
            break
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event.subject for event in events]


async def test_everything_that_waits_is_told_in_order_and_removed(
    house: House, database: Database, clock: ManualClock
) -> None:
    store, keys = OutboxStore(database), [f"key-{number}" for number in range(BATCH * 2 + 1)]
    await write(database, clock, [house.account], *keys)
    assert house.account in await store.accounts()
    assert await store.late(clock()) >= 1
    assert await relay(house, store).tell(house.account) == len(keys)
    assert await told(house.base.events.log, house.account) == keys
    assert house.account not in await store.accounts()


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), Unavailable()])
async def test_whoever_dies_before_the_row_is_gone_has_told_it_all_the_same(
    house: House, database: Database, clock: ManualClock, failure: BaseException
) -> None:
    await write(database, clock, [house.account], "one", "two")
    with pytest.raises(type(failure)):
        await relay(house, Trouble(database, failure)).tell(house.account)
    await write(database, clock, [house.account], "three")
    assert await relay(house, OutboxStore(database)).tell(house.account) == 3
    assert await told(house.base.events.log, house.account) == ["one", "two", "three"]


async def test_a_key_that_was_told_is_not_told_again(house: House, database: Database, clock: ManualClock) -> None:
    for _ in range(2):
        await write(database, clock, [house.account], "joined")
        assert await relay(house, OutboxStore(database)).tell(house.account) == 1
    assert await told(house.base.events.log, house.account) == ["joined"]


async def test_several_workers_at_once_tell_each_member_everything_once(
    house: House, second: House, database: Database, clock: ManualClock
) -> None:
    members = [new_account_id() for _ in range(5)]
    keys = [f"key-{number}" for number in range(12)]
    tellers = [Teller(relay(each, OutboxStore(database))) for each in (house, house, second)]

    async def work(teller: Teller, finished: asyncio.Event) -> None:
        while not finished.is_set() or set(members) & set(await OutboxStore(database).accounts()):
            await teller.visit()

    finished = asyncio.Event()
    async with TaskGroup() as tasks:
        for teller in tellers:
            tasks.create_task(work(teller, finished))
        for key in keys:
            await write(database, clock, members, key)
            await house.base.events.log.append(members[0], [NewEvent(EventType.ITEM_CREATED, "itm", {})])
        finished.set()
    for member in members:
        counts = Counter(await told(house.base.events.log, member))
        counts.pop("itm", None)
        assert counts == Counter(keys)
    assert [await told(house.base.events.log, member) for member in members[1:]] == [keys] * 4


async def test_what_a_closing_account_would_be_told_is_dropped(
    house: House, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, [house.account], "one")
    await house.base.events.log.close(house.account)
    assert await relay(house, OutboxStore(database)).tell(house.account) == 1
    assert await OutboxStore(database).rows(house.account, 1) == []
    assert await house.base.events.store.after(house.account, 0, now=clock()) == []


async def test_an_event_of_a_later_release_waits_for_that_release_and_nothing_overtakes_it(
    house: House, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, [house.account], "one")
    later = {"type": "album.painted", "subject": "alb", "data": {}, "written_at": clock()}
    async with database.writer.write() as connection:
        await connection.execute(insert(event_outbox).values(account_id=house.account, dedupe_key="new", **later))
    await write(database, clock, [house.account], "two")
    assert await relay(house, OutboxStore(database)).tell(house.account) == 1
    assert await told(house.base.events.log, house.account) == ["one"]


async def test_what_a_process_writes_itself_is_told_without_any_round(
    house: House, database: Database, clock: ManualClock
) -> None:
    async with PromptTelling(relay(house, OutboxStore(database))) as prompt:
        outbox = EventOutbox(clock, prompt.hint)
        async with database.writer.write() as connection:
            event = NewEvent(EventType.ALBUM_CREATED, "alb", {})
            await outbox.tell(connection, [house.account], event, "created")
            await asyncio.sleep(0.1)  # the first looks find nothing yet
        while await OutboxStore(database).rows(house.account, 1):  # noqa: ASYNC110  there is no event in the database
            await asyncio.sleep(0.01)
    assert await told(house.base.events.log, house.account) == ["alb"]


async def test_a_change_that_is_announced_when_an_earlier_one_is_told_is_told_without_any_round(
    house: House, database: Database, clock: ManualClock
) -> None:
    async with PromptTelling(relay(house, OutboxStore(database))) as prompt:
        outbox = EventOutbox(clock, prompt.hint)
        for subject in ("first", "second"):
            async with database.writer.write() as connection:
                event = NewEvent(EventType.ALBUM_CREATED, subject, {})
                await outbox.tell(connection, [house.account], event, subject)
                if subject == "second":
                    await asyncio.sleep(0.1)  # meanwhile the first is found
        while await OutboxStore(database).rows(house.account, 1):  # noqa: ASYNC110  there is no event in the database
            await asyncio.sleep(0.01)
    assert await told(house.base.events.log, house.account) == ["first", "second"]
