"""Which Redis is current, and which processes may read from it (rules 1 to 4)."""

import asyncio
from dataclasses import replace

from sqlalchemy import select

from app.stores.cache.schema import cache_generation
from tests.fault_proxy import FaultProxy
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import QUICK, STEADY, CacheHarness, Process, until


def _generation(process: Process) -> int:
    link = process.cache.relay.permitted()
    return link.generation.number if link is not None else 0


async def _generations(harness: CacheHarness) -> list[str]:
    async with harness.database.writer.read() as connection:
        return list(await connection.scalars(select(cache_generation.c.replid).order_by(cache_generation.c.gen)))


async def _unopened_until_requested(harness: CacheHarness, url: str) -> Process:
    return await harness.process(url, replace(STEADY, takeover=0.3), opened=False)


async def test_processes_that_start_concurrently_agree_on_one_generation(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    processes = await asyncio.gather(*(harness.process(redis_pair.primary.url) for _ in range(4)))
    newest = len(await _generations(harness))
    await until(lambda: {_generation(process) for process in processes} == {newest})


async def test_no_value_is_read_from_a_standby(harness: CacheHarness, redis_pair: RedisPair) -> None:
    await harness.put("a", 1)
    process = await _unopened_until_requested(harness, redis_pair.standby.url)
    async with process.cache:
        assert await process.read("a") == 1
        await asyncio.sleep(0.3)  # several attempts
        assert process.cache.relay.permitted() is None
    assert await _generations(harness) == []


async def test_a_promoted_standby_begins_a_generation_and_serves_no_earlier_values(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        process = await harness.process(f"redis://127.0.0.1:{proxy.port}/0")
        assert await process.read("a") == 0
        await redis_pair.wait_replicated()
        await redis_pair.standby.cut_off()
        await process.write("a", 1)  # the standby misses the invalidation
        await redis_pair.promote()
        proxy.switch(redis_pair.primary.port)
        proxy.cut()
        await until(lambda: _generation(process) == 2)
        await process.reader.freeze()
        assert await process.read("a") == 1
        assert process.reader.reads == 0
        assert len(set(await _generations(harness))) == 2


async def test_a_process_on_the_old_primary_stops_reading_there_after_a_promotion(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        left = await harness.process(f"redis://127.0.0.1:{proxy.port}/0")
        assert await left.read("a") == 0
        await redis_pair.promote()
        moved = await harness.process(redis_pair.primary.url)
        await until(lambda: left.cache.relay.permitted() is None)
        await harness.put("a", 1)
        assert await left.read("a") == 1
        proxy.switch(redis_pair.primary.port)
        await until(lambda: _generation(left) == _generation(moved) == 2)


async def test_a_superseded_redis_becomes_current_again_if_no_newer_one_is_reachable(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    old = redis_pair.primary
    first = await harness.process(old.url)
    await redis_pair.promote()
    moved = await _unopened_until_requested(harness, redis_pair.primary.url)
    async with moved.cache:
        await until(lambda: first.cache.relay.permitted() is None)
    frozen = await _unopened_until_requested(harness, old.url)
    async with frozen.cache:
        await until(lambda: _generation(frozen) == 3)
        replication_ids = await _generations(harness)
        assert replication_ids[2] == replication_ids[0] != replication_ids[1]


async def test_a_demoted_primary_that_still_responds_is_not_used(harness: CacheHarness, redis_pair: RedisPair) -> None:
    old = redis_pair.primary
    process = await harness.process(old.url, replace(STEADY, poll=50))
    assert await process.read("a") == 0
    await redis_pair.promote()
    await old.replicate_from(redis_pair.primary)
    await harness.put("a", 1)
    assert process.cache.relay.permitted() is not None
    assert await process.read("a") == 1
    assert process.cache.relay.permitted() is None


async def test_a_disconnected_process_reads_the_database_and_reconnects(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        process = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", QUICK)
        other = await harness.process(redis_pair.primary.url)
        assert await process.read("a") == await other.read("a") == 0
        proxy.timeout()
        await process.unpermitted()
        await other.write("a", 1)
        assert await process.read("a") == 1
        proxy.heal()
        await process.permitted()
        assert await process.read("a") == 1
        loads = process.loads["a"]
        assert await process.read("a") == 1
        assert process.loads["a"] == loads


async def test_a_permit_ends_when_the_polls_stall(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, QUICK)
    assert await process.read("a") == 0
    may_poll = asyncio.Event()
    measure = process.reader.lag_seconds

    async def stall() -> float | None:
        await may_poll.wait()
        return await measure()

    process.cache.relay._lag = stall
    await process.unpermitted()
    await harness.put("a", 1)
    assert await process.read("a") == 1
    may_poll.set()
    await process.permitted()


async def test_a_restarted_redis_is_a_new_generation_and_is_warm_again(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read("a")
    await redis_pair.standby.cut_off()  # its first attachment to a new primary begins another generation
    redis_pair.primary.kill()
    await process.unpermitted()
    assert await process.read("a") == 0
    redis_pair.primary.start()
    await process.permitted()
    assert _generation(process) == 2
    await process.read("a")
    loads = process.loads["a"]
    assert await process.read("a") == 0
    assert process.loads["a"] == loads


async def test_a_relay_survives_a_database_without_its_tables(harness: CacheHarness, redis_pair: RedisPair) -> None:
    async with harness.database.writer.write() as connection:
        await connection.run_sync(cache_generation.drop)
    process = await harness.process(redis_pair.primary.url, opened=False)
    async with process.cache:
        assert await process.read("a") == 0
        async with harness.database.writer.write() as connection:
            await connection.run_sync(cache_generation.create)
        await process.permitted()
        assert await process.read("a") == await process.read("a") == 0
