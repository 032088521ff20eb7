"""The pairs of servers and the fault proxy, on which other tests rely, behave as described."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text

from app.stores.aurora import Database, Source
from darkroom_shared.problems import Unavailable
from tests.database_pair import DatabasePair, alone_name
from tests.fault_proxy import FaultProxy
from tests.redis_pair import RedisPair

_INSERT = text(
    "INSERT INTO accounts (id, email, password_hash, administrator, created_at) "
    "VALUES (:name, :name, '', 0, '2026-01-01')"
)


@pytest.fixture
async def database(database_pair: DatabasePair, replicated: str) -> AsyncIterator[Database]:
    opened = Database(database_pair.writer.url(replicated), reader_url=database_pair.reader.url(replicated))
    yield opened
    await opened.close()


async def _count(source: Source) -> int:
    async with source.read() as connection:
        return int((await connection.execute(text("SELECT COUNT(*) FROM accounts"))).scalar_one())


async def _add(database: Database, name: str) -> None:
    async with database.writer.write() as connection:
        await connection.execute(_INSERT, {"name": name})


@asynccontextmanager
async def _echo(response: bytes) -> AsyncIterator[int]:
    """Run a server that sends `response` to every connection; yield its port."""

    async def respond(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _request(proxy: FaultProxy) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        return await reader.readexactly(1)
    finally:
        writer.transport.abort()


async def test_a_stopped_reader_returns_old_rows_and_then_catches_up(
    database_pair: DatabasePair, database: Database
) -> None:
    await database_pair.stop_applying()
    await _add(database, "first")
    assert (await _count(database.writer), await _count(database.readers)) == (1, 0)

    await database_pair.start_applying()
    await database_pair.wait_applied()
    assert await _count(database.readers) == 1


async def test_a_delayed_reader_is_behind(database_pair: DatabasePair, database: Database) -> None:
    await database_pair.delay(3600)
    await _add(database, "first")
    assert await _count(database.readers) == 0


async def test_swapped_servers_keep_all_rows_and_only_one_accepts_writes(
    database_pair: DatabasePair, database: Database, replicated: str
) -> None:
    await _add(database, "before")
    await database_pair.swap()
    with pytest.raises(Unavailable):
        await _add(database, "nowhere")

    swapped = Database(database_pair.writer.url(replicated), reader_url=database_pair.reader.url(replicated))
    await _add(swapped, "after")
    await database_pair.wait_applied()
    assert (await _count(swapped.writer), await _count(swapped.readers)) == (2, 2)
    await swapped.close()


async def test_swapped_servers_get_their_first_roles_back(database_pair: DatabasePair) -> None:
    writer, reader = database_pair.writer, database_pair.reader
    await database_pair.swap()
    await database_pair.heal()
    assert (database_pair.writer, database_pair.reader) == (writer, reader)
    assert (writer.run("SELECT @@read_only"), reader.run("SELECT @@read_only")) == ("0", "1")


async def test_a_database_of_one_server_does_not_reach_the_reader(database_pair: DatabasePair) -> None:
    name = alone_name()
    database_pair.writer.run(f"CREATE DATABASE {name}", f"CREATE TABLE {name}.with_a_row AS SELECT 1 AS id")
    await database_pair.wait_applied()
    assert name not in database_pair.reader.run("SHOW DATABASES").split()
    await database_pair.drop_database(name)
    await database_pair.wait_applied()


async def test_a_promoted_standby_has_the_replicated_keys_and_another_replication_id(redis_pair: RedisPair) -> None:
    old, new = redis_pair.primary, redis_pair.standby
    await old.run("SET", "kept", "1")
    await redis_pair.wait_replicated()
    await new.cut_off()
    await old.run("SET", "lost", "1")

    await redis_pair.promote()

    assert redis_pair.primary is new
    assert [await new.run("GET", key) for key in ("kept", "lost")] == ["1", None]
    assert (await new.replication())["master_replid"] != (await old.replication())["master_replid"]


async def test_a_killed_redis_restarts_empty_on_its_port(redis_pair: RedisPair) -> None:
    await redis_pair.primary.run("SET", "key", "1")
    redis_pair.primary.kill()
    with pytest.raises(RedisConnectionError):
        await redis_pair.primary.run("PING")
    redis_pair.primary.start()
    assert await redis_pair.primary.run("GET", "key") is None


async def test_a_proxy_holds_resets_refuses_and_switches_connections() -> None:
    async with _echo(b"a") as first, _echo(b"b") as second, FaultProxy(first) as proxy:
        assert await _request(proxy) == b"a"

        proxy.timeout()
        send_request = asyncio.create_task(_request(proxy))
        await asyncio.wait([send_request], timeout=0.1)
        assert not send_request.done()
        proxy.heal()
        assert await send_request == b"a"

        proxy.reset_peer()
        with pytest.raises(ConnectionResetError):
            await _request(proxy)
        await proxy.down()
        with pytest.raises(ConnectionRefusedError):
            await _request(proxy)

        await proxy.up()
        proxy.switch(second)
        assert await _request(proxy) == b"b"
