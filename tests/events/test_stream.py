"""Event streams: no event is missed or repeated, with or without nudges."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import pytest
from redis.asyncio import Redis

from app.events.service import stream
from app.events.service.log import EventLog, NewEvent
from app.events.service.stream import Heartbeat, LiveEvents, Reset, Signal, event_channel, progress_channel
from darkroom_shared.events import Event, EventType, Progress
from darkroom_shared.ids import AccountId, new_account_id, new_item_id
from tests.events.appending import LARGE_BYTES, append_completions
from tests.services import ManualClock, Services, Stores

PLENTY_SECONDS = 60


class NullChannel:
    """A channel whose nudges never arrive."""

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[asyncio.Event]:
        assert channel
        yield asyncio.Event()

    @contextmanager
    def subscribe(self, channel: str, take: Callable[[bytes], None]) -> Iterator[None]:
        assert channel
        assert callable(take)
        yield


@pytest.fixture
def no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only nudges wake the streams of a test that names this fixture before `live`."""
    monkeypatch.setattr(stream, "SWEEP_SECONDS", 10 * PLENTY_SECONDS)


@pytest.fixture
async def live(services: Services) -> AsyncIterator[LiveEvents]:
    base = services.base
    async with LiveEvents(
        event_log=base.events.log,
        store=base.events.store,
        nudges=base.signals.nudges,
        clock=base.clock,
        stopping=asyncio.Event(),
    ) as opened:
        yield opened


async def no_nudge(account: AccountId) -> None:
    assert account


async def append(services: Services, count: int = 1) -> None:
    for _ in range(count):
        await services.base.events.log.append(services.account, [NewEvent(EventType.ITEM_UPDATED, "itm", {})])


async def take(live: LiveEvents, services: Services, after: int, count: int) -> list[Signal]:
    taken: list[Signal] = []
    async with asyncio.timeout(PLENTY_SECONDS), aclosing(live.stream(services.account, after)) as signals:
        async for signal in signals:
            if not isinstance(signal, Heartbeat):
                taken.append(signal)
            if len(taken) == count:
                break
    return taken


def numbers(signals: list[Signal]) -> list[int]:
    return [signal.number for signal in signals if isinstance(signal, Event)]


async def test_a_stream_continues_after_its_cursor_with_live_events(live: LiveEvents, services: Services) -> None:
    await append(services, 3)
    reading = asyncio.create_task(take(live, services, 1, 5))
    await asyncio.sleep(0.1)
    await append(services, 3)
    assert numbers(await reading) == [2, 3, 4, 5, 6]


async def test_many_streams_of_one_account_share_one_watcher_and_each_gets_every_event(
    live: LiveEvents, services: Services
) -> None:
    reading = [asyncio.create_task(take(live, services, 0, 10)) for _ in range(50)]
    await asyncio.sleep(0.1)
    assert live.watched == 1
    await asyncio.gather(*(append(services) for _ in range(10)))
    assert [numbers(taken) for taken in await asyncio.gather(*reading)] == [list(range(1, 11))] * 50
    await asyncio.sleep(0)
    assert live.watched == 0


async def test_without_nudges_the_sweep_finds_missed_events(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SWEEP_SECONDS", 0.2)
    base = services.base
    async with LiveEvents(
        event_log=base.events.log,
        store=base.events.store,
        nudges=NullChannel(),
        clock=base.clock,
        stopping=asyncio.Event(),
    ) as unsubscribed:
        reading = asyncio.create_task(take(unsubscribed, services, 0, 2))
        await asyncio.sleep(0.1)
        await append(services, 2)
        assert numbers(await reading) == [1, 2]


async def test_one_nudge_is_enough_for_more_than_a_page_of_dynamodb(
    no_sweep: None, live: LiveEvents, services: Services
) -> None:
    base = services.base
    reading = asyncio.create_task(take(live, services, 0, 200))
    await asyncio.sleep(0.1)
    async with EventLog(store=base.events.store, dynamo=base.amazon.dynamo, nudge=no_nudge, clock=base.clock) as log:
        await append_completions(log, services.account, 200, LARGE_BYTES)
    await base.signals.nudge(event_channel(services.account))
    assert numbers(await reading) == list(range(1, 201))


async def test_a_cursor_that_is_expired_or_beyond_the_head_is_reset(
    live: LiveEvents, services: Services, clock: ManualClock
) -> None:
    await append(services, 2)
    assert await take(live, services, 99, 1) == [Reset(2)]
    clock.advance(days=31)
    await append(services)
    assert await take(live, services, 0, 1) == [Reset(3)]


async def test_a_heartbeat_is_sent_while_no_event_arrives(
    live: LiveEvents, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with asyncio.timeout(PLENTY_SECONDS), aclosing(live.stream(services.account, 0)) as signals:
        assert await anext(signals) == Heartbeat()


async def test_a_stopping_process_ends_its_streams(services: Services) -> None:
    base, stopping = services.base, asyncio.Event()
    async with LiveEvents(
        event_log=base.events.log,
        store=base.events.store,
        nudges=base.signals.nudges,
        clock=base.clock,
        stopping=stopping,
    ) as live:

        async def read_to_the_end() -> int:
            async with aclosing(live.stream(services.account, 0)) as signals:
                return len([signal async for signal in signals])

        reading = asyncio.create_task(read_to_the_end())
        await asyncio.sleep(0.1)
        stopping.set()
        async with asyncio.timeout(PLENTY_SECONDS):
            assert await reading == 0


async def test_a_long_poll_returns_with_the_first_event(live: LiveEvents, services: Services) -> None:
    waiting = asyncio.create_task(live.wait(services.account, 0, PLENTY_SECONDS))
    await asyncio.sleep(0.1)
    await append(services)
    async with asyncio.timeout(PLENTY_SECONDS):
        await waiting
    assert (await services.base.events.log.read(services.account, 0, limit=1)).head == 1


async def publish_progress(services: Services, account: AccountId, percent: float) -> Progress:
    progress = Progress(id=new_item_id(), percent=percent, ready_at=None)
    await services.base.signals.publish(progress_channel(account), progress.model_dump_json().encode())
    return progress


async def until_subscribed(services: Services, stores: Stores) -> None:
    """Wait until the stream has subscribed; Redis stores no progress messages for later subscribers."""
    async with Redis.from_url(stores.valkey) as redis, asyncio.timeout(PLENTY_SECONDS):
        while (await redis.pubsub_numsub(progress_channel(services.account)))[0][1] == 0:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.01)


async def test_progress_reaches_only_the_owners_streams_and_is_in_no_log(
    live: LiveEvents, services: Services, stores: Stores
) -> None:
    reading = asyncio.create_task(take(live, services, 0, 3))
    await until_subscribed(services, stores)
    await publish_progress(services, new_account_id(), 1)
    published = [await publish_progress(services, services.account, percent) for percent in (2.5, 100)]
    await append(services)
    taken = await reading
    assert [signal for signal in taken if isinstance(signal, Progress)] == published
    assert numbers(taken) == [1]
    assert (await services.base.events.log.read(services.account, 0, limit=10)).head == 1


async def test_invalid_progress_is_not_forwarded(live: LiveEvents, services: Services, stores: Stores) -> None:
    reading = asyncio.create_task(take(live, services, 0, 1))
    await until_subscribed(services, stores)
    await services.base.signals.publish(progress_channel(services.account), b'{"percent": 1e9}')
    published = await publish_progress(services, services.account, 50)
    assert await reading == [published]


async def test_a_stream_omits_progress_from_before_its_start(
    live: LiveEvents, services: Services, stores: Stores
) -> None:
    async with aclosing(live.stream(services.account, 0)) as first:
        waiting = asyncio.ensure_future(anext(first))
        await until_subscribed(services, stores)
        published = await publish_progress(services, services.account, 10)
        assert await waiting == published
        reading = asyncio.create_task(take(live, services, 0, 1))
        await asyncio.sleep(0.1)
        later = await publish_progress(services, services.account, 20)
        assert await reading == [later]


async def test_progress_does_not_end_a_long_poll(live: LiveEvents, services: Services, stores: Stores) -> None:
    waiting = asyncio.create_task(live.wait(services.account, 0, PLENTY_SECONDS))
    await until_subscribed(services, stores)
    await publish_progress(services, services.account, 10)
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await append(services)
    async with asyncio.timeout(PLENTY_SECONDS):
        await waiting
