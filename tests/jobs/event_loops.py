"""The worker's loops on the event log, each with an account that it must process."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from app.albums.wiring import build_album_work
from app.events.schema.tables import event_outbox
from app.events.service.log import NewEvent
from app.events.service.projection import Projection, ProjectionUpdater
from app.events.store.outbox import add_rows
from app.projections import PROJECTIONS
from app.search.wiring import build_index
from app.stores.resources import NUDGES_QUEUE, shard_of
from app.worker.consumer import Consumer
from app.worker.outbox_loop import OutboxLoop
from app.worker.projections import ProjectionLoops
from app.worker.relay import Hints, Relay
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_account_id, new_ulid
from tests.jobs.loops import Due, Faulty, Loop, alone_in_its_shard


def relay(faulty: Faulty) -> Loop:
    """The relay's polling, which announces."""
    base = faulty.own.base
    loop = Relay(faulty.services.base.events.relay, Hints())

    async def create() -> tuple[AccountId, Due]:
        account = await _account_to_relay(faulty)

        async def is_done() -> bool:
            cursors = [await base.events.cursors.get(name, account) for name in PROJECTIONS]
            return account in loop.announced.take() and all(cursor and cursor.wanted == 1 for cursor in cursors)

        return account, (int(shard_of(account)), is_done)

    async def remove(accounts: Sequence[AccountId]) -> None:
        for account in accounts:
            await base.events.relay.relay(account)
        faulty.clock.advance(seconds=31)  # another process's lease

    return Loop(loop.process, lambda: alone_in_its_shard(create, base.events.relay.behind, remove))


def relay_publisher(faulty: Faulty) -> Loop:
    """The relay's publishing of an account that is announced again and again, as its polling does."""
    store, loop = faulty.own.base.events.store, Relay(faulty.services.base.events.relay, Hints())
    behind: set[AccountId] = set()

    async def tick(_shard: int) -> None:
        for account in behind:
            loop.announced.add(account)
        await loop.publish()

    async def prepare() -> Due:
        account = await _account_to_relay(faulty)
        behind.add(account)

        async def is_done() -> bool:
            faulty.clock.advance(seconds=31)  # the lease of a relay that could not even release it
            if (await store.head(account)).relayed == 1:
                behind.discard(account)
            return account not in behind

        return 0, is_done

    return Loop(tick, prepare)


async def _account_to_relay(faulty: Faulty) -> AccountId:
    account = new_account_id()
    event = NewEvent(EventType.ITEM_READY, "itm_1", {"kind": "image"})
    await faulty.own.base.events.log.append(account, [event])
    return account


def projections(faulty: Faulty) -> Loop:
    loop = _projection_loops(faulty)

    async def tick(_shard: int) -> None:
        for number in range(len(PROJECTIONS)):
            await loop.process(number)

    async def prepare() -> Due:
        account, last = await _account_with_events(faulty)
        await faulty.own.base.events.cursors.mark_behind(account, last, PROJECTIONS)
        return 0, lambda: _have_applied(faulty, account, last)

    return Loop(tick, prepare)


def nudges(faulty: Faulty) -> Loop:
    """The projections' consumer: nudged accounts, whose cursors no periodic run has seen."""
    handle, own = _projection_loops(faulty).handle, faulty.own.base
    loop = Consumer(
        queues=faulty.services.base.amazon.queues,
        queue=NUDGES_QUEUE,
        slots=2,
        lease=timedelta(seconds=1),
        handle=handle,
    )

    async def tick(_shard: int) -> None:
        await loop.run(asyncio.Event(), 0.0)

    async def prepare() -> Due:
        account, last = await _account_with_events(faulty)
        await own.events.cursors.mark_behind(account, last, PROJECTIONS)
        await own.amazon.queues.send(NUDGES_QUEUE, {"account_id": account}, group=account)
        return 0, lambda: _have_applied(faulty, account, last)

    return Loop(tick, prepare)


def _projection_loops(faulty: Faulty) -> ProjectionLoops:
    base = faulty.services.base
    indexes: list[Projection] = [build_index(base=base).projection, build_album_work(base=base).captures]
    return ProjectionLoops(ProjectionUpdater(base.events.log, base.events.cursors, indexes), base.amazon.queues)


async def _account_with_events(faulty: Faulty) -> tuple[AccountId, int]:
    """Return a new account with an item, and the number of its last event."""
    row = await replace(faulty.own, account=new_account_id()).queued(new_ulid().encode())
    return row.account_id, (await faulty.own.base.events.store.head(row.account_id)).last


async def _have_applied(faulty: Faulty, account: AccountId, number: int) -> bool:
    faulty.clock.advance(seconds=31)  # the lease of an interrupted fill
    cursors = [await faulty.own.base.events.cursors.get(name, account) for name in PROJECTIONS]
    return all(cursor is not None and cursor.applied == number for cursor in cursors)


def outbox(faulty: Faulty) -> Loop:
    own, loop = faulty.own.base, OutboxLoop(faulty.services.base.events.outbox_publisher)

    async def prepare() -> Due:
        account = new_account_id()
        row = {"dedupe_key": new_ulid(), "type": EventType.ALBUM_UPDATED.value, "subject": "alb_1", "data": {}}
        async with own.database.writer.write() as connection:
            await add_rows(connection, [account], row | {"written_at": faulty.clock()})

        async def is_done() -> bool:
            page = await own.events.log.read(account, 0, limit=10)
            assert len(page.events) <= 1, "published twice"
            waiting = select(func.count()).where(event_outbox.c.account_id == account)
            async with own.database.writer.read() as connection:
                return len(page.events) == 1 and await connection.scalar(waiting) == 0

        return 0, is_done

    return Loop(loop.process, prepare)
