"""The outbox publisher appends one event for each member and dedupe key, despite crashes, duplicates and outages."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from sqlalchemy import insert

from app.events.schema import event_outbox
from app.events.service.log import EventLog, NewEvent
from app.events.service.outbox import EventOutbox
from app.events.service.outbox_publisher import BATCH, OutboxRelay, PromptPublisher
from app.events.store.outbox import OutboxRow, OutboxStore
from app.stores.aurora import Database
from app.worker.outbox_publisher import OutboxPublisher
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.services import ManualClock, Services, Stores, open_services


class FailingStore(OutboxStore):
    """A store whose worker crashes between the append and the delete, or whose database is away at that moment."""

    def __init__(self, database: Database, *failures: BaseException) -> None:
        super().__init__(database)
        self.failures = list(failures)

    async def delete(self, rows: Sequence[OutboxRow]) -> None:
        if self.failures:
            raise self.failures.pop()
        await super().delete(rows)


@pytest_asyncio.fixture(scope="module")
async def second(stores: Stores, clock_of_the_module: ManualClock) -> AsyncIterator[Services]:
    """Another process's services on the same stores."""
    async with open_services(stores, clock_of_the_module) as opened:
        yield opened


def relay(services: Services, store: OutboxStore) -> OutboxRelay:
    return OutboxRelay(store, services.base.events.log, services.base.clock)


async def write(database: Database, clock: ManualClock, accounts: list[AccountId], *keys: str) -> None:
    outbox = EventOutbox(clock)
    for key in keys:
        async with database.writer.write() as connection:
            await outbox.publish(connection, accounts, NewEvent(EventType.ALBUM_UPDATED, key, {"title": key}), key)


async def published_events(log: EventLog, account: AccountId) -> list[str]:
    events: list[Event] = []
    while True:
        page = await log.read(account, len(events), limit=500)
        events += page.events
        if len(events) == page.head:
            break
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event.subject for event in events]


async def test_waiting_rows_are_published_in_order_and_deleted(
    services: Services, database: Database, clock: ManualClock
) -> None:
    store, keys = OutboxStore(database), [f"key-{number}" for number in range(BATCH * 2 + 1)]
    await write(database, clock, [services.account], *keys)
    assert services.account in await store.accounts()
    assert await store.late(clock()) >= 1
    assert await relay(services, store).publish(services.account) == len(keys)
    assert await published_events(services.base.events.log, services.account) == keys
    assert services.account not in await store.accounts()


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), Unavailable()])
async def test_a_crash_before_the_delete_has_still_published(
    services: Services, database: Database, clock: ManualClock, failure: BaseException
) -> None:
    await write(database, clock, [services.account], "one", "two")
    with pytest.raises(type(failure)):
        await relay(services, FailingStore(database, failure)).publish(services.account)
    await write(database, clock, [services.account], "three")
    assert await relay(services, OutboxStore(database)).publish(services.account) == 3
    assert await published_events(services.base.events.log, services.account) == ["one", "two", "three"]


async def test_a_published_key_is_not_published_again(
    services: Services, database: Database, clock: ManualClock
) -> None:
    for _ in range(2):
        await write(database, clock, [services.account], "joined")
        assert await relay(services, OutboxStore(database)).publish(services.account) == 1
    assert await published_events(services.base.events.log, services.account) == ["joined"]


async def test_several_concurrent_workers_publish_once_per_member(
    services: Services, second: Services, database: Database, clock: ManualClock
) -> None:
    members = [new_account_id() for _ in range(5)]
    keys = [f"key-{number}" for number in range(12)]
    publishers = [OutboxPublisher(relay(each, OutboxStore(database))) for each in (services, services, second)]

    async def work(publisher: OutboxPublisher, finished: asyncio.Event) -> None:
        while not finished.is_set() or set(members) & set(await OutboxStore(database).accounts()):
            await publisher.process()

    finished = asyncio.Event()
    async with TaskGroup() as tasks:
        for publisher in publishers:
            tasks.create_task(work(publisher, finished))
        for key in keys:
            await write(database, clock, members, key)
            await services.base.events.log.append(members[0], [NewEvent(EventType.ITEM_CREATED, "itm", {})])
        finished.set()
    for member in members:
        counts = Counter(await published_events(services.base.events.log, member))
        counts.pop("itm", None)
        assert counts == Counter(keys)
    assert [await published_events(services.base.events.log, member) for member in members[1:]] == [keys] * 4


async def test_events_for_a_closing_account_are_dropped(
    services: Services, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, [services.account], "one")
    await services.base.events.log.close(services.account)
    assert await relay(services, OutboxStore(database)).publish(services.account) == 1
    assert await OutboxStore(database).rows(services.account, 1) == []
    assert await services.base.events.store.after(services.account, 0, now=clock()) == []


async def test_an_event_type_of_a_later_release_waits_and_no_event_overtakes_it(
    services: Services, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, [services.account], "one")
    later = {"type": "album.painted", "subject": "alb", "data": {}, "written_at": clock()}
    async with database.writer.write() as connection:
        await connection.execute(insert(event_outbox).values(account_id=services.account, dedupe_key="new", **later))
    await write(database, clock, [services.account], "two")
    assert await relay(services, OutboxStore(database)).publish(services.account) == 1
    assert await published_events(services.base.events.log, services.account) == ["one"]


async def test_own_rows_are_published_without_polling(
    services: Services, database: Database, clock: ManualClock
) -> None:
    async with PromptPublisher(relay(services, OutboxStore(database))) as prompt:
        outbox = EventOutbox(clock, prompt.hint)
        async with database.writer.write() as connection:
            event = NewEvent(EventType.ALBUM_CREATED, "alb", {})
            await outbox.publish(connection, [services.account], event, "created")
            await asyncio.sleep(0.1)  # the first polls find no row yet
        while await OutboxStore(database).rows(services.account, 1):  # noqa: ASYNC110  the database has no event to await
            await asyncio.sleep(0.01)
    assert await published_events(services.base.events.log, services.account) == ["alb"]


async def test_a_change_announced_during_publishing_is_published_without_polling(
    services: Services, database: Database, clock: ManualClock
) -> None:
    async with PromptPublisher(relay(services, OutboxStore(database))) as prompt:
        outbox = EventOutbox(clock, prompt.hint)
        for subject in ("first", "second"):
            async with database.writer.write() as connection:
                event = NewEvent(EventType.ALBUM_CREATED, subject, {})
                await outbox.publish(connection, [services.account], event, subject)
                if subject == "second":
                    await asyncio.sleep(0.1)  # meanwhile the publisher finds the first row
        while await OutboxStore(database).rows(services.account, 1):  # noqa: ASYNC110  the database has no event to await
            await asyncio.sleep(0.01)
    assert await published_events(services.base.events.log, services.account) == ["first", "second"]
