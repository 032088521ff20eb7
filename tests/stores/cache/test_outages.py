"""Reads stay right while Redis is slow, full, empty, faulty, of another release, or absent."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from app.stores.cache.keys import Entry
from app.stores.cache.mode import CacheMode
from app.stores.cache.timing import TIMING
from app.stores.cache.values import HEADER
from darkroom_shared.task_group import TaskGroup
from tests.authority import Authority
from tests.fault_proxy import FaultProxy
from tests.redis_pair import RedisPair
from tests.stores.cache.cache_harness import NUMBER, QUICK, SOFT_NUMBER, CacheHarness, Process, until, until_true

SLOW_SECONDS = 5.0


async def test_a_redis_with_five_seconds_latency_costs_no_more_than_the_time_limit(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        process = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", TIMING)
        await process.read("a")
        await harness.put("a", 1)
        proxy.latency(SLOW_SECONDS)
        began = time.monotonic()
        await until_true(lambda: _is(process, 1))
        for _ in range(20):
            assert await process.read("a") == 1
        assert time.monotonic() - began < SLOW_SECONDS


async def test_a_full_redis_serves_its_values_and_new_ones_come_from_the_database(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read("a")
    async with _full(redis_pair):
        assert await process.read("a") == 0
        assert process.loads["a"] == 1
        for _ in range(3):
            assert await process.read("b") == 0
        await process.write("a", 1)
        assert await process.read("a") == 1
        assert process.cache.relay.permitted() is not None
    await process.read("b")
    loads = process.loads["b"]
    await process.read("b")
    assert process.loads["b"] == loads


@asynccontextmanager
async def _full(pair: RedisPair) -> AsyncIterator[None]:
    """Let Redis evict no key and accept no new one."""
    await pair.primary.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    await pair.primary.run("CONFIG", "SET", "maxmemory", 1)
    try:
        yield
    finally:
        await pair.primary.run("CONFIG", "SET", "maxmemory", 0)
        await pair.primary.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")


async def test_a_flushed_redis_is_filled_again_without_intervention(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await process.read("a")
    await redis_pair.primary.flush()
    assert [await process.read("a") for _ in range(3)] == [0, 0, 0]
    assert process.loads["a"] == 2


@pytest.mark.parametrize(
    "malformed",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*1\r\n$3\r\nfoo\r\n",
        b"+OK\r\n",
        b"$-1\r\n",
        b":1\r\n" * 50,
        b"\x00" * 100,
    ],
)
async def test_a_server_that_violates_the_protocol_is_not_used(harness: CacheHarness, malformed: bytes) -> None:
    async with _replying(malformed) as port:
        process = await harness.process(f"redis://127.0.0.1:{port}/0", replace(QUICK, reply_seconds=0.05), opened=False)
        async with process.cache:
            assert [await process.read("a") for _ in range(3)] == [0, 0, 0]
            await process.write("a", 1)
            assert await process.read("a") == 1
            assert process.cache.relay.permitted() is None


@asynccontextmanager
async def _replying(reply: bytes) -> AsyncIterator[int]:
    """Run a server that sends the same reply to every request; yield its port."""

    async def reply_to_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1000):
                writer.write(reply)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(reply_to_all, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_protocol_error_closes_the_redis_connection(harness: CacheHarness, redis_pair: RedisPair) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy, _replying(b":7\r\n") as broken:
        process = await harness.process(f"redis://127.0.0.1:{proxy.port}/0", replace(QUICK, reply_seconds=0.2))
        await process.read("a")
        proxy.switch(broken)
        proxy.cut()
        await process.unpermitted()
        await process.write("a", 1)
        assert await process.read("a") == 1
        proxy.switch(redis_pair.primary.port)
        proxy.cut()
        await process.permitted()
        assert await process.read("a") == 1


@pytest.mark.parametrize(
    "left", [b"", b"garbage", HEADER.pack(2**50, 1, 1) + b"no json", HEADER.pack(2**50, 1, 1) + b'"no number"',
             HEADER.pack(2**50, 1, 2) + b"5"]
)  # fmt: skip
async def test_an_unreadable_value_is_treated_as_absent(
    harness: CacheHarness, redis_pair: RedisPair, left: bytes
) -> None:
    process = await harness.process(redis_pair.primary.url)
    await redis_pair.primary.run("SET", "1v:" + NUMBER.key("a").name, left.decode())
    assert await process.read_many("a", "b") == {"a": 0, "b": 0}
    assert [await process.read("a") for _ in range(3)] == [0, 0, 0]
    assert process.loads == {"a": 1, "b": 1}


async def test_a_release_does_not_read_another_releases_values(harness: CacheHarness, redis_pair: RedisPair) -> None:
    old, new = [await harness.process(redis_pair.primary.url) for _ in range(2)]
    text = Entry("number", 2, 300, decides_access=True).of_type(TypeAdapter(str))

    async def load_text(_connection: object) -> str:
        return "one"

    assert await old.read("a") == 0
    assert await new.cache.get(text.key("a"), load_text) == "one"
    assert await old.read("a") == 0
    assert old.loads["a"] == 1


async def test_redis_killed_under_load_fails_no_request_and_is_warm_again_after_its_restart(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    process = await harness.process(redis_pair.primary.url, replace(QUICK, reply_seconds=0.2))
    names = [str(number) for number in range(20)]
    stop, reads = asyncio.Event(), 0

    async def read_on(name: str) -> None:
        nonlocal reads
        while not stop.is_set():
            assert await process.read(name) == 0
            reads += 1
            await asyncio.sleep(0.01)

    async with TaskGroup() as tasks:
        for name in names:
            tasks.create_task(read_on(name))
        await until(lambda: reads > 100)
        redis_pair.primary.kill()
        await process.unpermitted()
        before = process.loads.total()
        reads = 0
        await process.write("written", 1)
        await until(lambda: reads > 200)
        assert process.loads.total() - before <= reads + len(names)
        redis_pair.primary.start()
        await redis_pair.wait_replicated()  # the first standby that connects changes the primary's replication id
        await until_true(lambda: _is_on(process, redis_pair))

        async def is_warm() -> bool:  # a permit that a busy machine renews too late costs a load more
            nonlocal reads
            before, reads = process.loads.total(), 0
            await until(lambda: reads > 200)
            return process.loads.total() == before

        await until_true(is_warm)
        stop.set()
    assert await process.read("written") == 1


async def test_swapping_primary_and_standby_under_load_fails_no_request(
    harness: CacheHarness, redis_pair: RedisPair
) -> None:
    async with FaultProxy(redis_pair.primary.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        one, other = [await harness.process(url, replace(QUICK, reply_seconds=5)) for _ in range(2)]
        await one.read("a")
        for number in range(1, 4):
            await redis_pair.swap()
            proxy.switch(redis_pair.primary.port)
            await one.write("a", number)
            assert await one.read("a") == await other.read("a") == number
            proxy.cut()
            await asyncio.gather(one.permitted(), other.permitted())
            assert await one.read("a") == await other.read("a") == number


async def test_user_password_and_database_of_the_url_are_used(harness: CacheHarness, redis_pair: RedisPair) -> None:
    await redis_pair.primary.run("ACL", "SETUSER", "cache", "on", ">se:cret", "~*", "+@all")
    url = f"redis://cache:se%3Acret@127.0.0.1:{redis_pair.primary.port}/3"
    process = await harness.process(url)
    await process.read("a")
    assert await process.read("a") == 0
    assert process.loads["a"] == 1
    wrong = await harness.process(url.replace("cret", "crets"), opened=False)
    async with wrong.cache:
        assert await wrong.read("a") == 0
        assert wrong.cache.relay.permitted() is None


async def test_tls_connects_only_to_a_server_with_a_trusted_certificate(
    harness: CacheHarness, redis_pair: RedisPair, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    async with _behind_tls(redis_pair.primary.port, *authority.sign("127.0.0.1")) as port:
        process = await harness.process(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority.certificate}")
        await process.read("a")
        assert await process.read("a") == 0
        assert process.loads["a"] == 1
        untrusting = await harness.process(f"rediss://127.0.0.1:{port}/0", opened=False)
        async with untrusting.cache:
            assert await untrusting.read("a") == 0
            assert untrusting.cache.relay.permitted() is None


@asynccontextmanager
async def _behind_tls(upstream: int, certificate: Path, key: Path) -> AsyncIterator[int]:
    """Run a server that terminates TLS and forwards to `upstream`; yield its port. At the end, cut its connections."""
    accepted: list[asyncio.StreamWriter] = []

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
        target.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(pump(reader, redis_writer), pump(redis_reader, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(join, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for each in accepted:
            each.transport.abort()


async def test_the_mode_writer_never_queries_a_reader(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, mode=CacheMode.WRITER)
    await redis_pair.primary.run("SET", "1born", 1)
    await process.read("a")
    assert await process.read("a", SOFT_NUMBER) == 0
    assert process.reader.reads == 0
    assert process.loads["a"] == 2
    await process.read("a")
    assert process.loads["a"] == 2


async def test_the_mode_off_caches_no_value_and_leaves_no_rows(harness: CacheHarness, redis_pair: RedisPair) -> None:
    process = await harness.process(redis_pair.primary.url, mode=CacheMode.OFF, opened=False)
    async with process.cache:
        assert await process.read("a") == await process.read("a", SOFT_NUMBER) == 0
        await process.write("a", 1)
        assert await process.read("a") == await process.read("a", SOFT_NUMBER) == 1
        assert process.loads["a"] == 4
        assert process.reader.reads == 0
        assert await harness.unsent() == 0


async def _is_on(process: Process, pair: RedisPair) -> bool:
    """Return whether the process may read from the current primary."""
    link = process.cache.relay.permitted()
    return link is not None and link.generation.replication_id == (await pair.primary.replication())["master_replid"]


async def _is(process: Process, number: int) -> bool:
    return await process.read("a") == number
