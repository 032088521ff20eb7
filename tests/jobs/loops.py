"""The loops of a worker that repair and repeat, each with a job that it must complete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isnan
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import func, insert, select
from structlog.testing import capture_logs

from app.accounts.schema.tables import closed_accounts
from app.accounts.store.closed import ClosedAccounts
from app.albums.wiring import build_album_work
from app.events.schema.tables import event_outbox
from app.events.service.log import NewEvent
from app.events.service.projection import Projection, ProjectionUpdater
from app.events.store.outbox import add_rows
from app.exports.wiring import build_export_work, build_exports
from app.items.service.lifecycle import LEASE
from app.items.wiring import build_backlog, build_item_work
from app.jobs.loop import run_periodically, running
from app.projections import PROJECTIONS
from app.search.wiring import build_index
from app.stores.dynamo import Row
from app.stores.resources import EXPORTS_TABLE, ITEMS_TABLE, NUDGES_QUEUE, shard_of
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.eraser import Eraser
from app.worker.export_sweeper import ExportSweeper
from app.worker.metrics import LANES, LaneSampler
from app.worker.outbox_publisher import OutboxPublisher
from app.worker.projections import ProjectionLoops
from app.worker.scheduler import Hints, Relay, Sweeper
from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AccountId, ExportId, ItemId, new_account_id, new_ulid
from tests.jobs.aws_faults import AwsFaults, FaultyClient
from tests.services import ManualClock, Services, Stores, open_services

TICK_SECONDS = 0.002
LIMIT_SECONDS = 60.0
AFTERWARDS_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Faulty:
    """The loops' services, whose AWS clients raise what is injected, beside `own`, which prepare and check the work."""

    services: Services
    own: Services
    faults: AwsFaults
    clock: ManualClock


@asynccontextmanager
async def open_faulty(
    stores: Stores, clock: ManualClock, database_url: str, **changes: object
) -> AsyncIterator[Faulty]:
    """Open both on a database without other tests' work. `changes`: settings of the loops' services."""
    faults, database = AwsFaults(), {"database_url": SecretStr(database_url)}
    async with (
        open_services(stores, clock, **database) as own,
        open_services(stores, clock, **(database | changes)) as opened,
    ):
        amazon: Any = opened.base.amazon
        for store in (amazon.dynamo, amazon.objects, amazon.queues, amazon.topics):
            store._client = FaultyClient(store._client, faults)
        amazon.queues._polling = FaultyClient(amazon.queues._polling, faults)
        yield Faulty(opened, own, faults, clock)


Due = tuple[int, Callable[[], Awaitable[bool]]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop's tick, and its work: `prepare` makes a job due, and returns its shard and a check whether it is done."""

    tick: Callable[[int], Awaitable[None]]
    prepare: Callable[[], Awaitable[Due]]


Key = TypeVar("Key")


async def alone_in_its_shard(
    create: Callable[[], Awaitable[tuple[Key, Due]]],
    due: Callable[[int], AsyncIterator[Sequence[Key]]],
    remove: Callable[[Sequence[Key]], Awaitable[None]],
) -> Due:
    """Create a job and remove the other tests' jobs that are due in its shard: a loop that completes one of them does
    not back off."""
    created, job = await create()
    while older := [key async for page in due(job[0]) for key in page if key != created]:
        await remove(older)
    return job


def remove_rows(
    faulty: Faulty, table: str, id_name: str
) -> Callable[[Sequence[tuple[AccountId, str]]], Awaitable[None]]:
    """Return a function that deletes rows of jobs by account and id."""

    async def remove(jobs: Sequence[tuple[AccountId, str]]) -> None:
        keys: list[Row] = [{"account_id": account, id_name: job} for account, job in jobs]
        await faulty.own.base.amazon.dynamo.delete_many(table, keys)

    return remove


def sweeper(faulty: Faulty) -> Loop:
    services = faulty.own
    loop = Sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)

    async def create() -> tuple[tuple[AccountId, ItemId], Due]:
        row = await services.queued(new_ulid().encode())
        await services.work.claim(row.account_id, row.item_id)
        faulty.clock.advance(seconds=61)

        async def is_done() -> bool:
            return (await services.row(row)).lost_attempts == 1

        return (row.account_id, row.item_id), (int(shard_of(row.item_id)), is_done)

    return Loop(
        loop.process,
        lambda: alone_in_its_shard(create, services.maintenance.due, remove_rows(faulty, ITEMS_TABLE, "item_id")),
    )


def export_sweeper(faulty: Faulty) -> Loop:
    base = faulty.own.base
    parts = build_export_work(base=base, lease=LEASE)
    exports = build_exports(base=base, delivery=faulty.own.representation._delivery)["exports"]
    loop = ExportSweeper(build_export_work(base=faulty.services.base, lease=LEASE).maintenance)

    async def create() -> tuple[tuple[AccountId, ExportId], Due]:
        account = new_account_id()
        row = await exports.start(account)
        await parts.work.claim(account, row.export_id)
        faulty.clock.advance(seconds=61)

        async def is_done() -> bool:
            return (await exports.require(account, row.export_id)).state is ExportState.QUEUED

        return (account, row.export_id), (int(shard_of(row.export_id)), is_done)

    return Loop(
        loop.process,
        lambda: alone_in_its_shard(create, parts.maintenance.due, remove_rows(faulty, EXPORTS_TABLE, "export_id")),
    )


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


def eraser(faulty: Faulty) -> Loop:
    base, own = faulty.services.base, faulty.own.base
    closed = ClosedAccounts(base.database, faulty.clock, LEASE)
    erasure = build_item_work(clients=base.clients, parts=base.items, lease=LEASE).erasure
    exports = build_export_work(base=base, lease=LEASE).erasure
    loop = Eraser(closed=closed, items=erasure, exports=exports, events=base.events.erasure, clock=faulty.clock)

    async def prepare() -> Due:
        account = new_account_id()
        async with own.database.writer.write() as connection:
            row = {"id": account, "closed_at": faulty.clock(), "next_at": faulty.clock()}
            await connection.execute(insert(closed_accounts).values(row))

        async def is_done() -> bool:
            faulty.clock.advance(minutes=2)  # the lease of an interrupted pass, and the pause before the second one
            erased = await ClosedAccounts(own.database, faulty.clock, LEASE).get(account)
            return erased is not None and erased.erased_at is not None

        return 0, is_done

    return Loop(loop.process, prepare)


def consumer(faulty: Faulty) -> Loop:
    """The consumer receives and deletes; attempts have their own matrix. Each tick is one whole run."""
    queues = faulty.services.base.amazon.queues
    handled: set[str] = set()

    async def handle(message: Message) -> None:
        await queues.delete(NUDGES_QUEUE, message.receipt_handle)
        handled.add(str(message.body.get("name")))

    loop = Consumer(queues=queues, queue=NUDGES_QUEUE, slots=2, lease=timedelta(seconds=1), handle=handle)

    async def tick(_shard: int) -> None:
        await loop.run(asyncio.Event(), 0.0)

    async def prepare() -> Due:
        name = new_ulid()
        await faulty.own.base.amazon.queues.send(NUDGES_QUEUE, {"name": name}, group="tests")

        async def is_done() -> bool:
            return name in handled

        return 0, is_done

    return Loop(tick, prepare)


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
    own, loop = faulty.own.base, OutboxPublisher(faulty.services.base.events.outbox_relay)

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


def lane_sampler(faulty: Faulty) -> Loop:
    registry, base = CollectorRegistry(), faulty.services.base
    backlog = build_backlog(clients=base.clients)
    loop = LaneSampler(registry=registry, queues=base.amazon.queues, backlog=backlog, clock=faulty.clock)
    ticks = 0

    async def tick(shard: int) -> None:
        nonlocal ticks
        await loop.process(shard)
        ticks += 1

    async def prepare() -> Due:
        before = ticks

        async def is_done() -> bool:
            """Return whether a sample after the preparation is complete."""
            labels = [{"queue": queue, "state": "waiting"} for queue in LANES]
            depths = [registry.get_sample_value("darkroom_lane_messages", each) for each in labels]
            return ticks > before and not any(depth is None or isnan(depth) for depth in depths)

        return 0, is_done

    return Loop(tick, prepare)


LOOPS = {
    each.__name__: each
    for each in (
        sweeper,
        export_sweeper,
        relay,
        relay_publisher,
        eraser,
        consumer,
        projections,
        nudges,
        outbox,
        lane_sampler,
    )
}
RELATIONAL = ("relay", "relay_publisher", "eraser", "projections", "nudges", "outbox")
"""Those that use the database."""
CONSUMERS = ("consumer", "nudges")


async def complete(loop: Loop, *, errors_are_left: Callable[[], bool] = lambda: False) -> None:
    """Prepare a job and let the loop run until the job is done, and for a moment longer while injected errors are
    left: what follows the job may be cut by a time limit of its own."""
    (shard, is_done), stopping = await loop.prepare(), asyncio.Event()
    ticking = run_periodically("tests", TICK_SECONDS, stopping, lambda _shard: loop.tick(shard))
    with capture_logs():  # printed tracebacks take seconds each
        async with running(ticking) as task, asyncio.timeout(LIMIT_SECONDS):
            while not await is_done():
                assert not task.done(), "the loop has ended"
                await asyncio.sleep(TICK_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(AFTERWARDS_SECONDS):
                    while errors_are_left():  # noqa: ASYNC110  no event
                        await asyncio.sleep(TICK_SECONDS)
