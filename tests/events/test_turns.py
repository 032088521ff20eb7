"""Large batches are announced, so that two processes rarely append with the same numbers and retry."""

import asyncio
from datetime import timedelta

from app.events.service.log import LARGE_BATCH, EventLog, NewEvent
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId
from tests.services import ManualClock, Services


def an_event() -> NewEvent:
    return NewEvent(EventType.ITEM_UPDATED, "itm", {"id": "itm"})


async def no_nudge(account: AccountId) -> None:
    assert account


async def test_concurrent_large_batches_send_little_more_than_they_commit(services: Services) -> None:
    base = services.base
    await base.events.log.append(services.account, [an_event()])
    async with (
        EventLog(store=base.events.store, dynamo=base.amazon.dynamo, nudge=no_nudge, clock=base.clock) as one,
        EventLog(store=base.events.store, dynamo=base.amazon.dynamo, nudge=no_nudge, clock=base.clock) as other,
    ):
        batches = [log.append(services.account, [an_event()] * LARGE_BATCH) for _ in range(20) for log in (one, other)]
        await asyncio.gather(*batches)
    committed = one.actions_committed + other.actions_committed
    assert one.actions_sent + other.actions_sent < 1.1 * committed


async def test_a_crash_after_announcing_delays_other_appends_for_a_second_only(
    services: Services, clock: ManualClock
) -> None:
    log, now = services.base.events.log, clock()
    await log.append(services.account, [an_event()])
    head = await log.head(services.account)
    await services.base.events.store.announce(services.account, head, "dead", now=now, until=now + timedelta(seconds=1))
    clock.advance(seconds=2)
    assert await log.append(services.account, [an_event()]) == 2
    assert (await log.head(services.account)).appender is None
