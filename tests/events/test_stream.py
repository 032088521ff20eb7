"""Following a log live: nothing missed, nothing twice, whoever nudges or fails to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import pytest
from redis.asyncio import Redis

from app.events import stream
from app.events.log import NewEvent
from app.events.stream import Heartbeat, LiveEvents, Reset, Signal, progress_channel
from shared.events import Event, EventType, Progress
from shared.ids import AccountId, new_account_id, new_item_id
from tests.house import House, ManualClock, Stores

PLENTY_SECONDS = 60


class Silence:
    """Nudges that never arrive."""

    @asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[asyncio.Event]:
        assert channel
        yield asyncio.Event()

    @contextmanager
    def hear(self, channel: str, take: Callable[[bytes], None]) -> Iterator[None]:
        assert channel
        assert callable(take)
        yield


@pytest.fixture
async def live(house: House) -> AsyncIterator[LiveEvents]:
    base = house.base
    async with LiveEvents(
        base.events.log, base.events.store, base.signals.nudges, base.clock, asyncio.Event()
    ) as opened:
        yield opened


async def append(house: House, count: int = 1) -> None:
    for _ in range(count):
        await house.base.events.log.append(house.account, [NewEvent(EventType.ITEM_UPDATED, "itm", {})])


async def take(live: LiveEvents, house: House, after: int, count: int) -> list[Signal]:
    taken: list[Signal] = []
    async with asyncio.timeout(PLENTY_SECONDS), aclosing(live.follow(house.account, after)) as signals:
        async for signal in signals:
            if not isinstance(signal, Heartbeat):
                taken.append(signal)
            if len(taken) == count:
                break
    return taken


def numbers(signals: list[Signal]) -> list[int]:
    return [signal.number for signal in signals if isinstance(signal, Event)]


async def test_a_stream_goes_on_after_its_cursor_and_then_lives(live: LiveEvents, house: House) -> None:
    await append(house, 3)
    following = asyncio.create_task(take(live, house, 1, 5))
    await asyncio.sleep(0.1)
    await append(house, 3)
    assert numbers(await following) == [2, 3, 4, 5, 6]


async def test_many_streams_of_one_account_share_one_watcher_and_each_gets_all(live: LiveEvents, house: House) -> None:
    following = [asyncio.create_task(take(live, house, 0, 10)) for _ in range(50)]
    await asyncio.sleep(0.1)
    assert live.watched == 1
    await asyncio.gather(*(append(house) for _ in range(10)))
    assert [numbers(taken) for taken in await asyncio.gather(*following)] == [list(range(1, 11))] * 50
    await asyncio.sleep(0)
    assert live.watched == 0


async def test_without_any_nudge_the_patrol_finds_what_was_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PATROL_SECONDS", 0.2)
    base = house.base
    async with LiveEvents(base.events.log, base.events.store, Silence(), base.clock, asyncio.Event()) as deaf:
        following = asyncio.create_task(take(deaf, house, 0, 2))
        await asyncio.sleep(0.1)
        await append(house, 2)
        assert numbers(await following) == [1, 2]


async def test_a_cursor_that_is_no_longer_kept_or_lies_ahead_is_reset(
    live: LiveEvents, house: House, clock: ManualClock
) -> None:
    await append(house, 2)
    assert await take(live, house, 99, 1) == [Reset(2)]
    clock.advance(days=31)
    await append(house)
    assert await take(live, house, 0, 1) == [Reset(3)]


async def test_a_heartbeat_comes_while_nothing_happens(
    live: LiveEvents, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    async with asyncio.timeout(PLENTY_SECONDS), aclosing(live.follow(house.account, 0)) as signals:
        assert await anext(signals) == Heartbeat()


async def test_a_stopping_process_ends_its_streams(house: House) -> None:
    base, stopping = house.base, asyncio.Event()
    async with LiveEvents(base.events.log, base.events.store, base.signals.nudges, base.clock, stopping) as live:

        async def follow_to_the_end() -> int:
            async with aclosing(live.follow(house.account, 0)) as signals:
                return len([signal async for signal in signals])

        following = asyncio.create_task(follow_to_the_end())
        await asyncio.sleep(0.1)
        stopping.set()
        async with asyncio.timeout(PLENTY_SECONDS):
            assert await following == 0


async def test_a_long_poll_returns_with_the_first_event(live: LiveEvents, house: House) -> None:
    waiting = asyncio.create_task(live.wait(house.account, 0, PLENTY_SECONDS))
    await asyncio.sleep(0.1)
    await append(house)
    async with asyncio.timeout(PLENTY_SECONDS):
        await waiting
    assert (await house.base.events.log.read(house.account, 0, limit=1)).head == 1


async def tell(house: House, account: AccountId, percent: float) -> Progress:
    progress = Progress(id=new_item_id(), percent=percent, ready_at=None)
    await house.base.signals.tell(progress_channel(account), progress.model_dump_json().encode())
    return progress


async def until_heard(house: House, stores: Stores) -> None:
    """Redis keeps nothing for who comes too late to hear how far the account's items are."""
    async with Redis.from_url(stores.valkey) as redis, asyncio.timeout(PLENTY_SECONDS):
        while (await redis.pubsub_numsub(progress_channel(house.account)))[0][1] == 0:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.01)


async def test_progress_reaches_its_owners_streams_only_and_is_in_no_log(
    live: LiveEvents, house: House, stores: Stores
) -> None:
    following = asyncio.create_task(take(live, house, 0, 3))
    await until_heard(house, stores)
    await tell(house, new_account_id(), 1)
    told = [await tell(house, house.account, percent) for percent in (2.5, 100)]
    await append(house)
    taken = await following
    assert [signal for signal in taken if isinstance(signal, Progress)] == told
    assert numbers(taken) == [1]
    assert (await house.base.events.log.read(house.account, 0, limit=10)).head == 1


async def test_what_is_no_progress_is_not_passed_on(live: LiveEvents, house: House, stores: Stores) -> None:
    following = asyncio.create_task(take(live, house, 0, 1))
    await until_heard(house, stores)
    await house.base.signals.tell(progress_channel(house.account), b'{"percent": 1e9}')
    told = await tell(house, house.account, 50)
    assert await following == [told]


async def test_a_stream_does_not_hear_what_was_told_before_it_began(
    live: LiveEvents, house: House, stores: Stores
) -> None:
    async with aclosing(live.follow(house.account, 0)) as first:
        waiting = asyncio.ensure_future(anext(first))
        await until_heard(house, stores)
        told = await tell(house, house.account, 10)
        assert await waiting == told
        following = asyncio.create_task(take(live, house, 0, 1))
        await asyncio.sleep(0.1)
        later = await tell(house, house.account, 20)
        assert await following == [later]


async def test_a_long_poll_is_not_ended_by_progress(live: LiveEvents, house: House, stores: Stores) -> None:
    waiting = asyncio.create_task(live.wait(house.account, 0, PLENTY_SECONDS))
    await until_heard(house, stores)
    await tell(house, house.account, 10)
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await append(house)
    async with asyncio.timeout(PLENTY_SECONDS):
        await waiting
