"""The event outbox: a row for each account, written in the transaction of the change."""

import pytest
from sqlalchemy import select

from app.events.schema.tables import event_outbox
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_account_id
from tests.services import ManualClock

EVENT = NewEvent(EventType.ALBUM_CREATED, "alb_1", {"title": "Malmö \N{CAMERA}"})


async def published_events(database: Database, *accounts: AccountId) -> list[tuple[str, str]]:
    expected = select(event_outbox.c.account_id, event_outbox.c.dedupe_key).where(
        event_outbox.c.account_id.in_(accounts)
    )
    async with database.writer.read() as connection:
        return [(row[0], row[1]) for row in await connection.execute(expected.order_by(event_outbox.c.id))]


async def test_each_dedupe_key_is_published_once_per_account(database: Database, clock: ManualClock) -> None:
    outbox, ada, bob = EventOutbox(clock), new_account_id(), new_account_id()
    for _ in range(2):
        async with Cache(database).change() as unit:
            await outbox.publish(unit, [ada, bob, ada], EVENT, "created")
    async with Cache(database).change() as unit:
        await outbox.publish(unit, [ada], EVENT, "changed")
        await outbox.publish(unit, [], EVENT, "nobody")
    assert await published_events(database, ada, bob) == [(ada, "created"), (bob, "created"), (ada, "changed")]


async def test_each_account_is_announced_once_after_the_commit(database: Database, clock: ManualClock) -> None:
    hints: list[AccountId] = []
    outbox, ada, bob = EventOutbox(clock, hints.append), new_account_id(), new_account_id()
    async with Cache(database).change() as unit:
        await outbox.publish(unit, [ada, bob, ada], EVENT, "created")
        assert hints == []
    assert hints == [ada, bob]


async def test_a_rolled_back_transaction_publishes_nothing(database: Database, clock: ManualClock) -> None:
    hints: list[AccountId] = []
    outbox, account = EventOutbox(clock, hints.append), new_account_id()

    async def publish_and_fail() -> None:
        async with Cache(database).change() as unit:
            await outbox.publish(unit, [account], EVENT, "created")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await publish_and_fail()
    assert (await published_events(database, account), hints) == ([], [])


async def test_an_event_is_read_as_it_was_written(database: Database, clock: ManualClock) -> None:
    async with Cache(database).change() as unit:
        account = new_account_id()
        await EventOutbox(clock).publish(unit, [account], EVENT, "created")
    async with database.writer.read() as connection:
        row = (await connection.execute(select(event_outbox).where(event_outbox.c.account_id == account))).one()
    assert (row.type, row.subject, row.data, row.written_at) == ("album.created", "alb_1", EVENT.data, clock())
