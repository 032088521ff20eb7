"""The loops of the eraser, a consumer and the lane sampler, each with a job that it must complete."""

import asyncio
from datetime import timedelta
from math import isnan

from prometheus_client import CollectorRegistry
from sqlalchemy import insert

from app.accounts.schema.tables import closed_accounts
from app.accounts.store.closed import ClosedAccounts
from app.exports.wiring import build_export_work
from app.items.service.lifecycle import LEASE
from app.items.wiring import build_backlog, build_item_work
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.eraser import Eraser
from app.worker.metrics import LANES, LaneSampler
from darkroom_shared.ids import new_account_id, new_ulid
from tests.jobs.loops import Due, Faulty, Loop


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
