"""What a change invalidates, and when it is acknowledged (rules 7 and 8)."""

import asyncio
import time
from dataclasses import replace

import pytest
from sqlalchemy import insert

from app.stores.cache.keys import Key
from app.stores.cache.schema import cache_outbox
from darkroom_shared.ids import new_ulid
from tests.fault_proxy import FaultProxy
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import NUMBER, QUICK, STEADY, CacheHarness, Process, put, until_true


async def test_an_acknowledged_change_is_read_by_every_process(harness: CacheHarness, redis_pair: RedisPair) -> None:
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    for number in range(1, 6):
        assert await one.read("a") == await other.read("a") == number - 1
        await one.write("a", number)
        assert await other.read("a") == await one.read("a") == number
        assert await harness.unsent() == 0


async def test_a_failed_change_invalidates_nothing(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read("a")

    async def fail() -> None:
        async with process.cache.change(NUMBER.key("a")) as unit:
            await put(unit.connection, "a", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await process.read("a") == 0
    assert process.loads["a"] == 1
    assert await harness.unsent() == 0


async def test_keys_added_during_a_change_are_invalidated_with_the_first_ones(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read_many("a", "b")
    async with process.cache.change() as unit:
        await put(unit.connection, "b", 2)
        unit.invalidate(NUMBER.key("b"))
    assert await process.read_many("a", "b") == {"a": 0, "b": 2}


async def test_a_value_changed_a_moment_ago_is_read_from_the_writer(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    one, other = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    await redis_pair.primary.run("SET", "1born", 1)
    for process in (one, other):
        await process.reader.freeze()
    await one.write("a", 1)
    assert await other.read("a") == 1
    await redis_pair.primary.run("DEL", "1v:" + NUMBER.key("a").name)  # evicted: the fence is still there
    assert await other.read("a") == 1
    assert other.reader.reads == 0
    assert await other.read("never changed") == 0
    assert other.reader.reads == 1


async def test_a_flushed_redis_is_filled_from_the_writer_only(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    await redis_pair.primary.run("SET", "1born", 1)
    await process.reader.freeze()
    await process.write("a", 1)
    await redis_pair.primary.flush()
    assert await process.read("a") == 1
    assert process.reader.reads == 0


async def test_a_change_by_a_process_without_redis_is_confirmed_by_anothers_relay(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    reader = await harness.process(redis_pair.primary.url)
    command = await harness.process(redis_pair.primary.url, opened=False)
    assert await reader.read("a") == 0
    async with asyncio.timeout(STEADY.permit / 2):
        await command.write("a", 1)
    assert await reader.read("a") == 1
    assert await harness.unsent() == 0


async def test_the_row_of_a_crashed_writer_is_applied_by_another_process(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    reader = await harness.process(redis_pair.primary.url)
    assert await reader.read("a") == 0
    command = await harness.process("redis://127.0.0.1:1/0", opened=False)
    writing = asyncio.create_task(command.write("a", 1))
    await until_true(lambda: _committed(harness, command))
    writing.cancel()
    await until_true(lambda: _is(reader, "a", 1))


async def test_a_callback_runs_once_the_change_is_visible(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    assert await process.read("a") == 0
    visible: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    async with process.cache.change(NUMBER.key("a")) as unit:
        await put(unit.connection, "a", 1)
        unit.after_commit(lambda: visible.set_result(True))
        assert not visible.done()
    assert visible.done()
    assert await process.read("a") == 1


async def test_a_failed_change_runs_no_callback(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    ran: list[str] = []

    async def fail() -> None:
        async with process.cache.change(NUMBER.key("a")) as unit:
            await put(unit.connection, "a", 1)
            unit.after_commit(lambda: ran.append("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert ran == []


async def test_a_change_cancelled_after_the_commit_still_runs_its_callbacks(harness: CacheHarness) -> None:
    process = await harness.process("redis://127.0.0.1:1/0", opened=False)
    ran: list[str] = []

    async def change() -> None:
        async with process.cache.change(NUMBER.key("a")) as unit:
            await put(unit.connection, "a", 1)
            unit.after_commit(lambda: ran.append("a"))

    changing = asyncio.create_task(change())
    await until_true(lambda: _row_waits(harness))
    assert ran == []  # a process may still be permitted to read the previous value
    changing.cancel()
    await asyncio.wait({changing})
    assert (changing.cancelled(), ran) == (True, ["a"])


async def _committed(harness: CacheHarness, process: Process) -> bool:
    async with harness.database.writer.read() as connection:
        return (await process._load(connection, ["a"]))["a"] == 1


async def _is(process: Process, name: str, number: int) -> bool:
    return await process.read(name) == number


async def test_without_redis_a_change_is_acknowledged_after_every_permit_has_ended(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        cut_off = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", QUICK)
        assert await cut_off.read("a") == 0
        proxy.timeout()
        began = time.monotonic()
        await cut_off.write("a", 1)
        assert time.monotonic() - began >= QUICK.until_permits_lapsed
        assert cut_off.cache.relay.permitted() is None
        assert await cut_off.read("a") == 1
        assert await harness.unsent() == 1
        proxy.heal()
        await cut_off.permitted()
        assert await cut_off.read("a") == 1
        assert await harness.unsent() == 0


async def test_a_change_waits_for_a_reader_that_is_cut_off(harness: CacheHarness, redis_pair: RedisPair) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        # Its replies are late rather than lost, so it keeps connection and permit, and its relay is slow.
        other = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", replace(QUICK, reply_seconds=30))
        assert await other.read("a") == 0
        proxy.timeout()
        writer = await harness.process("redis://127.0.0.1:1/0", QUICK, opened=False)
        await writer.write("a", 1)
        proxy.heal()
        assert await other.read("a") == 1


async def test_a_refused_invalidation_acknowledges_no_change(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, QUICK)
    assert await process.read("a") == 0
    await redis_pair.primary.run("CONFIG", "SET", "min-replicas-to-write", 5)
    try:
        began = time.monotonic()
        await process.write("a", 1)
        assert time.monotonic() - began >= QUICK.until_permits_lapsed
        assert await process.read("a") == 1
        assert await harness.unsent() == 1
    finally:
        await redis_pair.primary.run("CONFIG", "SET", "min-replicas-to-write", 0)
    await process.permitted()
    assert await process.read("a") == 1
    assert await harness.unsent() == 0


async def test_a_young_generation_confirms_no_change(harness: CacheHarness, redis_pair: RedisPair) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        process = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", STEADY)
        await redis_pair.promote()
        proxy.switch(redis_pair.primary.port)
        proxy.cut()
        await process.unpermitted()
        await process.permitted()
        writing = asyncio.create_task(process.write("a", 1))
        await until_true(lambda: _row_waits(harness))
        await asyncio.sleep(0.3)  # several polls
        assert await harness.unsent() == 1
        assert not writing.done()
        writing.cancel()


async def _row_waits(harness: CacheHarness) -> bool:
    return await harness.unsent() == 1


async def test_thousands_of_keys_are_invalidated_together(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url)
    names = [str(number) for number in range(1000)]
    await process.read_many(*names)
    keys: list[Key[int]] = [NUMBER.key(name) for name in names]
    async with process.cache.change(*keys) as unit:
        await put(unit.connection, "999", 1)
    assert (await process.read_many(*names))["999"] == 1
    assert process.loads.total() == 2000


async def test_thousands_of_pending_invalidations_are_applied_when_redis_is_back(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    rows = [{"id": new_ulid(), "keys": [NUMBER.key(str(number)).name]} for number in range(2_500)]
    async with harness.database.writer.write() as connection:
        await connection.execute(insert(cache_outbox), rows)
    await harness.process(redis_pair.primary.url)
    assert await harness.unsent() == 0
