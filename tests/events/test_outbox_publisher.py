"""The outbox publisher appends one event for each member and dedupe key, despite crashes, duplicates and outages."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import insert

from app.events.schema.tables import event_outbox
from app.events.service.log import EventLog, NewEvent
from app.events.service.outbox import EventOutbox, Hint
from app.events.service.outbox_publisher import BATCH, MAX_BATCHES, OutboxPublisher, PromptPublisher
from app.events.store.log import LogPage
from app.events.store.outbox import OutboxRow, OutboxStore
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.worker.outbox_loop import OutboxLoop
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.fault_proxy import FaultProxy
from tests.services import ManualClock, Services, Stores, open_services


class FailingStore(OutboxStore):
    """A store whose worker crashes between the append and the delete, or whose database is unavailable then."""

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


def publisher(services: Services, store: OutboxStore) -> OutboxPublisher:
    return OutboxPublisher(store, services.base.events.log, services.base.clock)


async def write(
    database: Database, clock: ManualClock, accounts: list[AccountId], *keys: str, hint: Hint | None = None
) -> None:
    outbox = EventOutbox(clock, hint)
    for key in keys:
        async with Cache(database).change() as unit:
            await outbox.publish(unit, accounts, NewEvent(EventType.ALBUM_UPDATED, key, {"title": key}), key)


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
    assert await publisher(services, store).publish(services.account) == len(keys)
    assert await published_events(services.base.events.log, services.account) == keys
    assert services.account not in await store.accounts()


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), Unavailable()])
async def test_a_crash_before_the_delete_has_still_published(
    services: Services, database: Database, clock: ManualClock, failure: BaseException
) -> None:
    await write(database, clock, [services.account], "one", "two")
    with pytest.raises(type(failure)):
        await publisher(services, FailingStore(database, failure)).publish(services.account)
    await write(database, clock, [services.account], "three")
    assert await publisher(services, OutboxStore(database)).publish(services.account) == 3
    assert await published_events(services.base.events.log, services.account) == ["one", "two", "three"]


async def test_a_published_key_is_not_published_again(
    services: Services, database: Database, clock: ManualClock
) -> None:
    for _ in range(2):
        await write(database, clock, [services.account], "joined")
        assert await publisher(services, OutboxStore(database)).publish(services.account) == 1
    assert await published_events(services.base.events.log, services.account) == ["joined"]


async def test_several_concurrent_workers_publish_once_per_member(
    services: Services, second: Services, database: Database, clock: ManualClock
) -> None:
    members = [new_account_id() for _ in range(5)]
    keys = [f"key-{number}" for number in range(12)]
    loops = [OutboxLoop(publisher(each, OutboxStore(database))) for each in (services, services, second)]

    async def work(loop: OutboxLoop, finished: asyncio.Event) -> None:
        while not finished.is_set() or set(members) & set(await OutboxStore(database).accounts()):
            await loop.process()

    finished = asyncio.Event()
    async with TaskGroup() as tasks:
        for loop in loops:
            tasks.create_task(work(loop, finished))
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
    assert await publisher(services, OutboxStore(database)).publish(services.account) == 1
    assert await OutboxStore(database).rows(services.account, 1) == []
    assert await services.base.events.store.after(services.account, 0, now=clock()) == LogPage([], more=False)


async def test_an_event_type_of_a_later_release_waits_and_no_event_overtakes_it(
    services: Services, database: Database, clock: ManualClock
) -> None:
    await write(database, clock, [services.account], "one")
    later = {"type": "album.painted", "subject": "alb", "data": {}, "written_at": clock()}
    async with database.writer.write() as connection:
        await connection.execute(insert(event_outbox).values(account_id=services.account, dedupe_key="new", **later))
    await write(database, clock, [services.account], "two")
    assert await publisher(services, OutboxStore(database)).publish(services.account) == 1
    assert await published_events(services.base.events.log, services.account) == ["one"]


async def test_own_rows_are_published_after_the_commit_without_a_worker(
    services: Services, database: Database, clock: ManualClock
) -> None:
    store, keys = OutboxStore(database), [f"key-{number}" for number in range(12)]
    async with PromptPublisher(publisher(services, store)) as prompt:
        await write(database, clock, [services.account], *keys, hint=prompt.hint)
        await until_empty(store, services.account)
    assert await published_events(services.base.events.log, services.account) == keys


async def test_more_rows_than_one_run_takes_are_all_published(
    services: Services, database: Database, clock: ManualClock
) -> None:
    store, keys = OutboxStore(database), [f"key-{number}" for number in range(BATCH * MAX_BATCHES + 1)]
    await write(database, clock, [services.account], *keys)
    async with PromptPublisher(publisher(services, store)) as prompt:
        prompt.hint(services.account)
        await until_empty(store, services.account)
    assert await published_events(services.base.events.log, services.account) == keys


class BlockedStore(OutboxStore):
    """Holds each run before it deletes the rows it has published, and counts the runs of an account."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.runs: Counter[AccountId] = Counter()
        self.published, self.may_delete = asyncio.Event(), asyncio.Event()

    async def rows(self, account: AccountId, limit: int) -> list[OutboxRow]:
        self.runs[account] += 1
        return await super().rows(account, limit)

    async def delete(self, rows: Sequence[OutboxRow]) -> None:
        self.published.set()
        await self.may_delete.wait()
        await super().delete(rows)


async def test_a_change_committed_during_a_publication_is_published_by_the_next_one(
    services: Services, database: Database, clock: ManualClock
) -> None:
    store = BlockedStore(database)
    async with PromptPublisher(publisher(services, store)) as prompt:
        await write(database, clock, [services.account], "first", hint=prompt.hint)
        await store.published.wait()
        await write(database, clock, [services.account], "second", "third", hint=prompt.hint)
        assert store.runs[services.account] == 1  # no second task publishes the account meanwhile
        store.may_delete.set()
        await until_empty(store, services.account)
    assert store.runs[services.account] == 2
    assert await published_events(services.base.events.log, services.account) == ["first", "second", "third"]


async def test_what_a_stopped_process_has_not_published_the_workers_publish_once(
    services: Services, database: Database, clock: ManualClock
) -> None:
    store = BlockedStore(database)
    async with PromptPublisher(publisher(services, store)) as prompt:
        await write(database, clock, [services.account], "one", hint=prompt.hint)
        await store.published.wait()
        await write(database, clock, [services.account], "two", hint=prompt.hint)
    assert len(await OutboxStore(database).rows(services.account, 3)) == 2
    await OutboxLoop(publisher(services, OutboxStore(database))).process()
    assert await published_events(services.base.events.log, services.account) == ["one", "two"]


async def test_a_change_succeeds_without_dynamodb_and_a_worker_publishes_it_once(
    services: Services, stores: Stores, database: Database, clock: ManualClock
) -> None:
    tables = httpx.URL(stores.tables)
    assert tables.port is not None
    async with FaultProxy(tables.port) as proxy:
        endpoint = str(tables.copy_with(port=proxy.port))
        async with open_services(stores, clock, dynamodb_endpoint=endpoint) as cut_off:
            await proxy.down()
            base = cut_off.base
            async with base.cache.change() as unit:
                event = NewEvent(EventType.ALBUM_CREATED, "alb", {})
                await base.events.outbox.publish(unit, [services.account], event, "created")
    store = OutboxStore(services.base.database)
    assert len(await store.rows(services.account, 2)) == 1
    for _ in range(2):
        await OutboxLoop(publisher(services, store)).process()
    assert await published_events(services.base.events.log, services.account) == ["alb"]


async def until_empty(store: OutboxStore, account: AccountId) -> None:
    while await OutboxStore.rows(store, account, 1):  # noqa: ASYNC110  the database has no event to await
        await asyncio.sleep(0.01)
