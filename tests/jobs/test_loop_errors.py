"""Each class of AWS error at each AWS call of each loop: no loop ends, each is counted, all work is done (CHECK 42).

`tests/drills/test_aws_error_classes.py` shows the same with processes.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.accounts.schema.tables import closed_accounts
from app.accounts.store.closed import ClosedAccounts
from app.events.service.log import NewEvent
from app.exports.wiring import build_export_work, build_exports
from app.items.service.lifecycle import LEASE
from app.items.wiring import build_item_work
from app.jobs.loop import run_periodically, running
from app.stores.aws_errors import ErrorClass
from app.stores.resources import NUDGES_QUEUE, shard_of
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.eraser import Eraser
from app.worker.export_sweeper import ExportSweeper
from app.worker.scheduler import Hints, Relay, Sweeper
from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import new_account_id, new_ulid
from tests.jobs.breaking import AwsFaults, FaultyClient
from tests.services import ManualClock, Services, Stores, open_services

TICK_SECONDS = 0.002
LIMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Faulty:
    """The loops' services, whose AWS clients raise what is injected, beside `own`, which prepare and check the work."""

    services: Services
    own: Services
    faults: AwsFaults
    clock: ManualClock


@pytest.fixture
async def faulty(stores: Stores, services: Services, clock: ManualClock) -> AsyncIterator[Faulty]:
    faults = AwsFaults()
    async with open_services(stores, clock) as opened:
        amazon: Any = opened.base.amazon
        for store in (amazon.dynamo, amazon.objects, amazon.queues, amazon.topics):
            store._client = FaultyClient(store._client, faults)
        yield Faulty(opened, services, faults, clock)


Due = tuple[int, Callable[[], Awaitable[bool]]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop's tick, and its work: `prepare` makes a job due, and returns its shard and a check whether it is done."""

    tick: Callable[[int], Awaitable[None]]
    prepare: Callable[[], Awaitable[Due]]


def sweeper(faulty: Faulty) -> Loop:
    services = faulty.own
    loop = Sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)

    async def prepare() -> Due:
        row = await services.queued(new_ulid().encode())
        await services.work.claim(row.account_id, row.item_id)
        faulty.clock.advance(seconds=61)

        async def is_done() -> bool:
            return (await services.row(row)).lost_attempts == 1

        return int(shard_of(row.item_id)), is_done

    return Loop(loop.process, prepare)


def export_sweeper(faulty: Faulty) -> Loop:
    base = faulty.own.base
    parts = build_export_work(base=base, lease=LEASE)
    exports = build_exports(base=base, delivery=faulty.own.items._delivery)["exports"]
    loop = ExportSweeper(build_export_work(base=faulty.services.base, lease=LEASE).maintenance)

    async def prepare() -> Due:
        account = new_account_id()
        row = await exports.start(account)
        await parts.work.claim(account, row.export_id)
        faulty.clock.advance(seconds=61)

        async def is_done() -> bool:
            return (await exports.require(account, row.export_id)).state is ExportState.QUEUED

        return int(shard_of(row.export_id)), is_done

    return Loop(loop.process, prepare)


def relay(faulty: Faulty) -> Loop:
    base = faulty.own.base
    loop = Relay(faulty.services.base.events.relay, Hints())

    async def prepare() -> Due:
        account = new_account_id()
        await base.events.log.append(account, [NewEvent(EventType.ITEM_READY, "itm_1", {"kind": "image"})])

        async def is_done() -> bool:
            faulty.clock.advance(seconds=31)  # the lease of a relay that could not even release it
            return (await base.events.store.head(account)).relayed == 1

        return int(shard_of(account)), is_done

    return Loop(loop.process, prepare)


def eraser(faulty: Faulty) -> Loop:
    base = faulty.services.base
    closed = ClosedAccounts(base.database, faulty.clock, LEASE)
    erasure = build_item_work(clients=base.clients, parts=base.items, lease=LEASE).erasure
    exports = build_export_work(base=base, lease=LEASE).erasure
    loop = Eraser(closed, erasure, exports, base.events.store, faulty.clock)

    async def prepare() -> Due:
        account = new_account_id()
        async with base.database.writer.write() as connection:
            row = {"id": account, "closed_at": faulty.clock(), "next_at": faulty.clock()}
            await connection.execute(insert(closed_accounts).values(row))

        async def is_done() -> bool:
            faulty.clock.advance(minutes=2)  # the lease of an interrupted pass, and the pause before the second one
            erased = await closed.get(account)
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

    loop = Consumer(queues, NUDGES_QUEUE, 2, timedelta(seconds=1), handle)

    async def tick(_shard: int) -> None:
        await loop.run(asyncio.Event(), 0.0)

    async def prepare() -> Due:
        name = new_ulid()
        await faulty.own.base.amazon.queues.send(NUDGES_QUEUE, {"name": name}, group="tests")

        async def is_done() -> bool:
            return name in handled

        return 0, is_done

    return Loop(tick, prepare)


LOOPS = {each.__name__: each for each in (sweeper, export_sweeper, relay, eraser, consumer)}


@pytest.mark.parametrize("name", LOOPS)
async def test_no_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    """One class at each call, a different one each time."""
    await _inject_at_each_call(faulty, LOOPS[name](faulty), per_call=1)


@pytest.mark.tier("full", "each class at each call")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LOOPS)
async def test_no_class_of_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    await _inject_at_each_call(faulty, LOOPS[name](faulty), per_call=len(ErrorClass))


async def _inject_at_each_call(faulty: Faulty, loop: Loop, *, per_call: int) -> None:
    await _complete(loop)
    classes = itertools.cycle(ErrorClass)
    for operation in sorted(faulty.faults.operations):
        for error_class in itertools.islice(classes, per_call):
            before = _count(faulty, error_class)
            faulty.faults.inject(operation, error_class)
            await _complete(loop)
            if not faulty.faults.are_left:
                assert _count(faulty, error_class) == before + 1, (operation, error_class)
            faulty.faults.inject("")


def _count(faulty: Faulty, error_class: ErrorClass) -> int:
    counts = faulty.services.base.amazon.errors.counts()
    return sum(each.count for each in counts if each.error_class is error_class)


async def _complete(loop: Loop) -> None:
    """Prepare a job and let the loop run until the job is done."""
    (shard, is_done), stopping = await loop.prepare(), asyncio.Event()
    ticking = run_periodically("tests", TICK_SECONDS, stopping, lambda _shard: loop.tick(shard))
    async with running(ticking) as task, asyncio.timeout(LIMIT_SECONDS):
        while not await is_done():
            assert not task.done(), "the loop has ended"
            await asyncio.sleep(TICK_SECONDS)
