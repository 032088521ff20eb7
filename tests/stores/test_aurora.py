"""Transactions on the relational database: atomic, bounded in time, and with our own errors."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util import await_only

from app.stores.aurora import CONNECTIONS, Conflict, Database, UtcDateTime, exact_text, identifier
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.database_pair import DatabasePair
from tests.servers import free_port

_rows = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", exact_text(50), unique=True),
    Column("code", identifier(20)),
    Column("at", UtcDateTime),
    mysql_engine="InnoDB",
)


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    database = Database(empty_database_url)
    async with database.writer.write() as connection:
        await connection.run_sync(_rows.metadata.create_all)
    yield database
    await database.close()


async def _names(database: Database) -> list[str]:
    async with database.writer.read() as connection:
        return list(await connection.scalars(_rows.select().with_only_columns(_rows.c.name).order_by(_rows.c.id)))


async def _put(connection: AsyncConnection, number: int, name: str) -> None:
    await connection.execute(_rows.insert().values(id=number, name=name))


async def test_a_connection_that_is_in_use_at_the_close_is_closed_after_its_transaction(database: Database) -> None:
    closed: list[object] = []
    event.listen(database.pools["writer"].engine.sync_engine, "close", lambda *connection: closed.append(connection))
    async with database.writer.write() as connection:
        await _put(connection, 1, "late")
        await database.close()
        assert closed == []
    assert len(closed) == 1


async def test_a_transaction_commits_at_its_end_and_rolls_back_on_any_error(database: Database) -> None:
    async with database.writer.write() as connection:
        await _put(connection, 1, "kept")

    async def put_and_fail() -> None:
        async with database.writer.write() as connection:
            await _put(connection, 2, "lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await put_and_fail()

    assert await _names(database) == ["kept"]


async def test_a_cancelled_transaction_writes_no_row_and_returns_its_connection(database: Database) -> None:
    async def begin_and_wait(number: int, begun: asyncio.Event) -> None:
        async with database.writer.write() as connection:
            await _put(connection, number, f"cancelled {number}")
            begun.set()
            await asyncio.Event().wait()

    for number in range(1, CONNECTIONS + 3):
        begun = asyncio.Event()
        task = asyncio.create_task(begin_and_wait(number, begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await _names(database) == []


async def test_a_taken_unique_key_is_a_conflict(database: Database) -> None:
    async with database.writer.write() as connection:
        await _put(connection, 1, "same")

    with pytest.raises(Conflict):
        async with database.writer.write() as connection:
            await _put(connection, 2, "same")


async def test_texts_that_differ_in_case_or_accent_are_two_texts(database: Database) -> None:
    names = ["ada", "Ada", "áda", "ada\N{COMBINING ACUTE ACCENT}", "\N{CAMERA}"]
    async with database.writer.write() as connection:
        for number, name in enumerate(names, start=1):
            await _put(connection, number, name)

    assert await _names(database) == names


async def test_a_moment_is_read_back_in_utc_to_the_microsecond(database: Database) -> None:
    moment = datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with database.writer.write() as connection:
        await connection.execute(_rows.insert().values(id=1, at=moment))

    async with database.writer.read() as connection:
        read = await connection.scalar(_rows.select().with_only_columns(_rows.c.at))

    assert read == moment
    assert read.tzinfo is UTC


async def test_read_modify_write_transactions_keep_every_update(database: Database) -> None:
    async with database.writer.write() as connection:
        await connection.execute(_rows.insert().values(id=1, code="0"))

    async def count_up() -> None:
        async with database.writer.write() as connection:
            code = await connection.scalar(_rows.select().with_only_columns(_rows.c.code).with_for_update())
            assert code is not None
            await connection.execute(_rows.update().values(code=str(int(code) + 1)))

    await asyncio.gather(*(count_up() for _ in range(CONNECTIONS * 2)))

    async with database.writer.read() as connection:
        assert await connection.scalar(_rows.select().with_only_columns(_rows.c.code)) == str(CONNECTIONS * 2)


async def test_an_exhausted_pool_raises_and_never_hangs(database: Database) -> None:
    release, held = asyncio.Event(), asyncio.Semaphore(0)

    async def hold() -> None:
        async with database.writer.read() as connection:
            await connection.execute(_rows.select())
            held.release()
            await release.wait()

    async with TaskGroup() as holders:
        for _ in range(CONNECTIONS):
            holders.create_task(hold())
        for _ in range(CONNECTIONS):
            await held.acquire()
        with pytest.raises(Unavailable):
            await _names(database)
        release.set()

    assert await _names(database) == []


async def test_a_transaction_that_takes_too_long_is_rolled_back(empty_database_url: str, database: Database) -> None:
    hasty = Database(empty_database_url, transaction_seconds=0.3)

    async def put_and_wait() -> None:
        async with hasty.writer.write() as connection:
            await _put(connection, 1, "late")
            await asyncio.Event().wait()

    with pytest.raises(Unavailable):
        await put_and_wait()
    assert await _names(database) == []
    await hasty.close()


async def test_an_outer_timeout_is_not_translated(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with database.writer.read():
            raise TimeoutError


@pytest.mark.parametrize("url", ["sqlite+aiosqlite:////no/such/folder/darkroom.db", "mysql+asyncmy://root@{server}/x"])
async def test_an_unreachable_database_is_unavailable(url: str) -> None:
    database = Database(url.format(server=f"127.0.0.1:{free_port()}"))

    with pytest.raises(Unavailable) as refused:
        await _names(database)

    assert refused.value.retry_after_seconds == 1
    await database.close()
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:  # SQLite's driver: it still posts to this event loop
            await asyncio.to_thread(thread.join)


async def test_a_statement_beyond_its_time_limit_is_aborted(database_pair: DatabasePair) -> None:
    database = Database(database_pair.writer.url(), statement_seconds=1)

    with pytest.raises(Unavailable):
        async with database.writer.read() as connection:
            await connection.execute(text("SELECT SLEEP(60)"))

    await database.close()


async def test_connections_to_a_writer_that_became_a_reader_are_dropped_immediately(
    database_pair: DatabasePair,
) -> None:
    server = database_pair.writer
    await asyncio.to_thread(server.run, "CREATE TABLE darkroom.demoted (id INT PRIMARY KEY)")
    database = Database(server.url())
    try:
        first = await _connection_number(database)
        await asyncio.to_thread(server.run, "SET GLOBAL read_only = 1")
        with pytest.raises(Unavailable):
            async with database.writer.write() as connection:
                await connection.execute(text("INSERT INTO demoted VALUES (1)"))
    finally:
        await asyncio.to_thread(server.run, "SET GLOBAL read_only = 0", "DROP TABLE darkroom.demoted")

    assert await _connection_number(database) != first
    await database.close()


async def _connection_number(database: Database) -> int | None:
    async with database.writer.read() as connection:
        number: int | None = await connection.scalar(text("SELECT CONNECTION_ID()"))
        return number


async def test_a_sqlite_commit_is_flushed_to_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}")

    async with database.writer.read() as connection:
        settings = [await connection.scalar(text(f"PRAGMA {name}")) for name in ("synchronous", "journal_mode")]

    assert settings == [2, "wal"]
    await database.close()


async def test_a_new_sqlite_file_is_opened_although_another_process_is_writing_it(tmp_path: Path) -> None:
    """SQLite's own wait does not apply to the switch to a write-ahead log."""
    with closing(sqlite3.connect(tmp_path / "darkroom.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}")
        reading = asyncio.create_task(_read_journal_mode(database))
        await asyncio.sleep(0.2)
        other.execute("COMMIT")
    assert await reading == "wal"
    await database.close()


async def _read_journal_mode(database: Database) -> str | None:
    async with database.writer.read() as connection:
        mode: str | None = await connection.scalar(text("PRAGMA journal_mode"))
        return mode


async def test_a_commit_is_acknowledged_although_the_server_hangs_before_the_connection_is_reset(
    database: Database, empty_database_url: str
) -> None:
    def hang(*_: object) -> None:
        await_only(asyncio.sleep(2))

    hanging = Database(empty_database_url, transaction_seconds=1)
    event.listen(hanging.pools["writer"].engine.sync_engine.pool, "reset", hang)
    async with hanging.writer.write() as connection:
        await _put(connection, 1, "kept")
    await hanging.close()
    assert await _names(database) == ["kept"]
