"""Hits, misses, leases and joining (rules 4, 5, 6): counted, not timed."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.cache.cache import Behind
from darkroom_shared.problems import Unavailable
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import NUMBER, STEADY, CacheHarness, Process, held_up, until


async def _calls(pair: RedisPair, command: str) -> int:
    stats = await pair.primary.run("INFO", "commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


async def test_a_thousand_readers_of_a_cold_key_in_two_processes_cost_one_load(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    await harness.put("cold", 7)
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    async with held_up(one, other):
        readers = [asyncio.create_task(process.read("cold")) for process in (one, other) * 500]
        await until(lambda: one.loading.is_set() or other.loading.is_set())
        await asyncio.sleep(0.1)  # a second loader would start by now
    assert await asyncio.gather(*readers) == [7] * 1000
    assert await one.read("cold") == await other.read("cold") == 7
    assert one.loads["cold"] + other.loads["cold"] == 1


async def test_all_keys_of_one_tick_cost_one_round_trip_to_redis(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    names = [str(number) for number in range(50)]
    await process.read_many(*names)
    before = await _calls(redis_pair, "mget")
    assert await asyncio.gather(*(process.read(name) for name in names)) == [0] * 50
    assert await process.read_many(*names) == dict.fromkeys(names, 0)
    assert await _calls(redis_pair, "mget") == before + 2
    assert process.loads.total() == 50


async def test_one_load_reads_all_missing_keys(harness: CacheHarness, redis_pair: RedisPair) -> None:
    await harness.put("a", 1)
    await harness.put("b", 2)
    process = await harness.process(redis_pair.primary.url)
    assert await process.read("a") == 1
    assert await process.read_many("a", "b", "c") == {"a": 1, "b": 2, "c": 0}
    assert process.loads == {"a": 1, "b": 1, "c": 1}


async def test_a_waiter_survives_the_cancellation_of_the_first_caller(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    await harness.put("a", 1)
    process = await harness.process(redis_pair.primary.url)
    async with held_up(process):
        first, second = [asyncio.create_task(process.read("a")) for _ in range(2)]
        await process.loading.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert await second == 1
    assert process.loads["a"] == 1


async def test_a_read_during_a_load_does_not_take_a_value_that_a_change_has_replaced(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    async with held_up(one):
        early = asyncio.create_task(one.read("a"))
        await one.loading.wait()
        await other.write("a", 1)
        late = asyncio.create_task(one.read("a"))
        await asyncio.sleep(0)
    assert await late == 1
    assert await early in (0, 1)  # it began before the change
    assert await other.read("a") == 1


async def test_a_slow_load_does_not_restore_a_value_that_a_change_has_replaced(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    async with held_up(one):
        slow = asyncio.create_task(one.read("a"))
        await one.loading.wait()
        await other.write("a", 1)
    await slow
    assert await one.read("a") == await other.read("a") == 1


async def test_a_load_after_the_end_of_its_lease_stores_no_value(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    async with held_up(process):
        slow = asyncio.create_task(process.read("a"))
        await process.loading.wait()
        await redis_pair.primary.flush()
        await harness.put("a", 1)
    assert await slow == 0
    assert await process.read("a") == 1


async def test_a_waiter_past_its_limit_loads_alone_and_stores_no_value(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    one = await harness.process(redis_pair.primary.url)
    hasty = await harness.process(redis_pair.primary.url, replace(STEADY, held=0.05))
    async with held_up(one):
        slow = asyncio.create_task(one.read("a"))
        await one.loading.wait()
        assert await hasty.read("a") == 0
        assert await hasty.read("a") == 0
        assert hasty.loads["a"] == 2
    await slow
    assert await hasty.read("a") == 0
    assert hasty.loads["a"] == 2


async def test_a_failed_load_returns_its_lease(harness: CacheHarness, redis_pair: RedisPair) -> None:
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]

    async def fail(_connection: AsyncConnection) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await one.cache.get(NUMBER.key("a"), fail)
    assert await other.read("a") == 0  # long before the lease of a hundred seconds ends
    assert await one.read("a") == 0
    assert one.loads.total() + other.loads.total() == 1


async def test_a_loaders_error_reaches_only_reads_that_began_before_it(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    loading, may_fail = asyncio.Event(), asyncio.Event()

    async def fail(_connection: AsyncConnection) -> int:
        loading.set()
        await may_fail.wait()
        raise ZeroDivisionError

    early = asyncio.create_task(process.cache.get(NUMBER.key("a"), fail))
    await loading.wait()
    late = asyncio.create_task(process.read("a"))
    await asyncio.sleep(0.05)
    may_fail.set()
    assert await late == 0
    with pytest.raises(ZeroDivisionError):
        await early


async def test_a_slow_load_is_cancelled_and_raises_unavailable(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, replace(STEADY, load=0.2))
    async with held_up(process):
        with pytest.raises(Unavailable):
            await process.read("a")


async def test_a_near_reader_is_queried_and_a_lagging_one_is_not(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, replace(STEADY, fence=300, permit=60, lag_limit=100))
    await _drop_all_fences(process, redis_pair)
    await process.read("near")
    assert process.reader.reads == 1
    for lag in (101.0, None):
        process.reader.lag = lag
        await until(lambda expected=lag: process.cache.relay.link.lag_seconds == expected)  # type: ignore[misc,union-attr]
        await process.read(f"behind by {lag}")
    assert process.reader.reads == 1


async def test_a_reader_that_lags_behind_the_load_is_replaced_by_the_writer(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await _drop_all_fences(process, redis_pair)
    await process.reader.freeze()
    await harness.put("a", 1)

    async def load(connection: AsyncConnection) -> int:
        number = (await process._load(connection, ["a"]))["a"]
        if number < 1:
            raise Behind
        return number

    assert await process.cache.get(NUMBER.key("a"), load) == 1
    assert process.reader.reads == 1
    assert process.loads["a"] == 2


async def _drop_all_fences(process: Process, pair: RedisPair) -> None:
    """Make the generation look old, so that no fence can exist."""
    link = process.cache.relay.link
    assert link is not None
    await pair.primary.run("SET", f"{link.generation.number}born", 1)
