"""The event log: batches without gaps, one transaction for each change, and complete pages."""

import asyncio
from typing import Any

import pytest

from app.events.service.log import ActionRefused, EventLog, HeadChange, NewEvent
from app.events.store.log import EventStore
from app.stores.dynamo import Action, Condition, Dynamo, put
from app.stores.resources import RECEIPTS_TABLE
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_item_id
from darkroom_shared.problems import EventsGone, QuotaExceeded
from tests.jobs.aws_faults import AwsFaults, FaultyClient
from tests.services import ManualClock, Services


def an_event(subject: str = "itm") -> NewEvent:
    return NewEvent(EventType.ITEM_UPDATED, subject, {"id": subject})


def a_write(item: str, *, absent: bool = True) -> Action:
    condition = Condition("attribute_not_exists(item_id)" if absent else "attribute_exists(item_id)")
    return put(RECEIPTS_TABLE, {"item_id": item, "step_key": "x"}, {"step": "x"}, condition)


async def no_nudge(account: AccountId) -> None:
    assert account


async def test_200_concurrent_appends_from_two_processes_leave_no_gap_and_no_duplicate(services: Services) -> None:
    base = services.base
    async with (
        EventLog(store=base.events.store, dynamo=base.amazon.dynamo, nudge=no_nudge, clock=base.clock) as one,
        EventLog(store=base.events.store, dynamo=base.amazon.dynamo, nudge=no_nudge, clock=base.clock) as other,
    ):
        numbers = await asyncio.gather(
            *(log.append(services.account, [an_event(f"{index}")]) for index in range(100) for log in (one, other))
        )
    assert sorted(numbers) == list(range(1, 201))
    page = await base.events.log.read(services.account, 0, limit=500)
    assert [event.number for event in page.events] == list(range(1, 201))


async def test_a_refused_action_is_removed_and_the_rest_of_the_batch_is_written(services: Services) -> None:
    log, free, taken = services.base.events.log, new_item_id(), new_item_id()
    await services.base.amazon.dynamo.write(a_write(taken))
    appended = await asyncio.gather(
        log.append(services.account, [an_event("first")]),
        log.append(services.account, [an_event("refused")], [a_write(taken)]),
        log.append(services.account, [an_event("second")], [a_write(free)]),
        return_exceptions=True,
    )
    assert isinstance(appended[1], ActionRefused)
    page = await log.read(services.account, 0, limit=10)
    assert [event.subject for event in page.events] == ["first", "second"]
    assert await services.base.amazon.dynamo.get(RECEIPTS_TABLE, {"item_id": free, "step_key": "x"})


async def test_two_writes_of_one_row_are_sent_in_two_batches(services: Services) -> None:
    log, item = services.base.events.log, new_item_id()
    numbers = await asyncio.gather(
        log.append(services.account, [an_event("a")], [a_write(item)]),
        log.append(services.account, [an_event("b")], [a_write(item, absent=False)]),
    )
    assert list(numbers) == [1, 2]


async def test_the_quota_is_checked_at_the_head_even_for_concurrent_appends(services: Services) -> None:
    change = HeadChange(items=1, bytes=40, max_bytes=100)
    appended = await asyncio.gather(
        *(services.base.events.log.append(services.account, [an_event()], (), change) for _ in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, QuotaExceeded) for result in appended) == 3
    head = await services.base.events.log.head(services.account)
    assert (head.last, head.bytes_used, head.item_count) == (2, 80, 2)


async def test_counters_before_the_first_event_refuse_no_later_append(services: Services) -> None:
    log = services.base.events.log
    await log.append(services.account, (), (), HeadChange(bytes=40))
    await asyncio.gather(*(log.append(services.account, (), (), HeadChange(bytes=1)) for _ in range(2)))
    assert await log.append(services.account, [an_event()]) == 1
    assert (await log.head(services.account)).bytes_used == 42


async def test_reading_events_older_than_30_days_reports_that_they_are_gone(
    services: Services, clock: ManualClock
) -> None:
    log = services.base.events.log
    await log.append(services.account, [an_event("old")])
    clock.advance(days=31)
    await log.append(services.account, [an_event("new")])
    with pytest.raises(EventsGone) as gone:
        await log.read(services.account, 0, limit=10)
    assert gone.value.extras == {"oldest": 2, "head": 2}
    assert [event.subject for event in (await log.read(services.account, 1, limit=10)).events] == ["new"]


async def test_expired_pages_are_skipped_up_to_the_oldest_live_event(services: Services, clock: ManualClock) -> None:
    log = services.base.events.log
    await log.append(services.account, [an_event("old")] * 3)
    clock.advance(days=31)
    await log.append(services.account, [an_event("new")] * 2)
    with pytest.raises(EventsGone) as gone:
        await log.read(services.account, 0, limit=1)
    assert gone.value.extras == {"oldest": 4, "head": 5}
    page = await services.base.events.store.after(services.account, 0, now=clock(), limit=1)
    assert ([event.number for event in page.events], page.more) == ([4], True)


async def test_many_expired_rows_that_dynamodb_has_not_removed_yet_cost_few_reads(
    services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.events.store.log.PAGE_EVENTS", 4)
    log, store = services.base.events.log, services.base.events.store
    for _ in range(4):
        await log.append(services.account, [an_event("old")] * 50)
    clock.advance(days=31)
    await log.append(services.account, [an_event("new")])
    reads = AwsFaults()
    faulty: Any = FaultyClient(services.base.amazon.dynamo._client, reads)
    page = await EventStore(Dynamo(faulty)).after(services.account, 0, now=clock(), limit=1)
    assert [event.number for event in page.events] == [201]
    assert len(reads.calls) <= 12
    assert (await store.after(services.account, 200, now=clock(), limit=1)).events == page.events


async def test_a_cancelled_caller_does_not_cancel_the_other_appends_of_its_batch(services: Services) -> None:
    log = services.base.events.log
    hasty = asyncio.create_task(log.append(services.account, [an_event("hasty")]))
    slow_append = asyncio.create_task(log.append(services.account, [an_event("patient")]))
    await asyncio.sleep(0)
    hasty.cancel()
    assert await slow_append == 2
