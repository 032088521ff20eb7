"""Values that expire (rules 9 and 10), by a clock that the test advances."""

import asyncio
import time
from collections.abc import Callable

import pytest
from pydantic import TypeAdapter

from app.stores.cache.keys import Entry
from darkroom_shared.problems import Unavailable
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import (
    NUMBER,
    SOFT_NUMBER,
    STEADY,
    CacheHarness,
    Process,
    held_up,
    until,
    until_true,
)

LIFETIME_SECONDS = NUMBER.entry.seconds
BRIEF = Entry("brief-number", 1, 20, decides_access=True).of_type(TypeAdapter(int))
LOAD_SECONDS = 0.2


class WallClock:
    """Stands still between two calls of `advance`, so that no value ages while the machine is busy."""

    def __init__(self) -> None:
        self._now = time.time()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


def _break_the_database(process: Process) -> Callable[[], None]:
    """Make every load fail as if the database were unreachable. Return a function that ends this."""
    loading = process.cache._reads._loading
    load = loading.load

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable

    loading.load = fail  # type: ignore[method-assign, assignment]

    def heal() -> None:
        loading.load = load  # type: ignore[method-assign]

    return heal


async def test_at_the_expiry_of_a_hot_key_one_load_replaces_it(
    harness: CacheHarness, redis_pair: RedisPair, clock: WallClock
) -> None:
    one, other = [await harness.process(redis_pair.primary.url, clock=clock) for _ in range(2)]
    assert await one.read("hot") == 0
    await harness.put("hot", 1)  # without invalidation, so that the next load is visible
    clock.advance(LIFETIME_SECONDS)
    async with held_up(one, other):
        readers = [asyncio.create_task(process.read("hot")) for process in (one, other) * 500]
        await until(lambda: one.loading.is_set() or other.loading.is_set())
    assert set(await asyncio.gather(*readers)) <= {0, 1}
    assert await one.read("hot") == await other.read("hot") == 1
    assert one.loads["hot"] + other.loads["hot"] == 2


async def test_a_value_is_refreshed_before_it_expires_without_blocking_readers(
    harness: CacheHarness, redis_pair: RedisPair, clock: WallClock
) -> None:
    process = await harness.process(redis_pair.primary.url, clock=clock)
    async with held_up(process):  # a slow load makes the refresh begin early
        first = asyncio.create_task(process.read("a", BRIEF))
        await process.loading.wait()
        await asyncio.sleep(LOAD_SECONDS)
    await first
    await harness.put("a", 1)
    clock.advance(BRIEF.entry.seconds * 0.85)
    async with held_up(process):

        async def refreshing() -> bool:
            assert await process.read("a", BRIEF) == 0  # immediately, although the load is blocked
            clock.advance(LOAD_SECONDS / 10)
            return process.loading.is_set()

        await until_true(refreshing)
    # A reader while the refresh ends may lease the key again, so the test reads only afterwards.
    await until(lambda: not process.cache._reads._misses._flights)
    assert await process.read("a", BRIEF) == 1
    assert process.loads["a"] == 2


async def test_a_refresh_does_not_restore_a_value_that_a_change_has_replaced(
    harness: CacheHarness, redis_pair: RedisPair, clock: WallClock
) -> None:
    one, other = [await harness.process(redis_pair.primary.url, clock=clock) for _ in range(2)]
    assert await one.read("a") == 0
    clock.advance(LIFETIME_SECONDS)
    async with held_up(one):
        refresh = asyncio.create_task(one.read("a"))
        await one.loading.wait()
        await other.write("a", 1)
    await refresh
    assert await other.read("a") == await one.read("a") == 1


async def test_an_expired_value_is_served_during_a_database_outage_while_a_permit_lasts(
    harness: CacheHarness, redis_pair: RedisPair, clock: WallClock
) -> None:
    process = await harness.process(redis_pair.primary.url, clock=clock)
    assert await process.read_many("a", "b") == {"a": 0, "b": 0}
    heal = _break_the_database(process)
    clock.advance(LIFETIME_SECONDS + STEADY.stale / 2)
    assert await process.read("a") == 0
    assert await process.read_many("a", "b") == {"a": 0, "b": 0}
    with pytest.raises(Unavailable):
        await process.read("never read before")
    heal()
    await harness.put("a", 1)
    assert await process.read("a") == 1


async def test_without_permit_and_database_access_decisions_are_unavailable(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read("a")
    await process.read("a", SOFT_NUMBER)
    _break_the_database(process)
    link = process.cache.relay.link
    assert link is not None
    process.cache.relay.permitted = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await process.read("a", NUMBER)
    assert await process.read("a", SOFT_NUMBER) == 0
    with pytest.raises(Unavailable):
        await process.read("never read before", SOFT_NUMBER)


async def test_without_permit_access_is_read_from_the_writer_and_the_rest_from_a_reader(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process("redis://127.0.0.1:1/0", opened=False)
    async with process.cache:
        await process.reader.freeze()
        await harness.put("a", 1)
        assert await process.read("a", NUMBER) == 1
        assert await process.read("a", SOFT_NUMBER) == 0
        assert await process.read_many("a", kind=NUMBER) == {"a": 1}
        assert process.reader.reads == 1
    reader = await harness.process(redis_pair.primary.url)
    await reader.read("a")
    assert reader.loads["a"] == 1  # no value had been stored


@pytest.mark.parametrize("seconds", [-2.0, 2.0])
async def test_processes_with_two_seconds_clock_skew_see_mutual_changes(
    harness: CacheHarness, redis_pair: RedisPair, seconds: float
) -> None:
    one = await harness.process(redis_pair.primary.url)
    other = await harness.process(redis_pair.primary.url, clock=lambda: time.time() + seconds)
    for number in range(1, 4):
        for process in (one, other):
            await process.write("a", number * 2)
            assert await one.read("a") == await other.read("a") == number * 2
            await process.write("a", number * 2 + 1)
            assert await other.read("a") == await one.read("a") == number * 2 + 1
    assert 12 <= one.loads["a"] + other.loads["a"] < 24  # one load for each change; loading on each read would make 24
