"""Migrations run forward, backward and forward again; the last revision matches the declared tables."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from app.migrations import declared_tables
from app.migrations.run import migrate
from app.stores.aurora import Database

metadata = declared_tables.metadata


async def _tables(database_url: str) -> set[str]:
    database = Database(database_url)
    async with database.writer.read() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await database.close()
    return set(names) - {"alembic_version"}


async def test_every_step_runs_forward_backward_and_forward_again(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    assert await _tables(empty_database_url) == set(metadata.tables)

    await migrate(empty_database_url, "base")
    assert await _tables(empty_database_url) == set()

    await migrate(empty_database_url)
    assert await _tables(empty_database_url) == set(metadata.tables)


async def test_the_migrated_tables_are_the_declared_ones(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    database = Database(database_url)
    async with database.writer.read() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url)

    assert await _tables(database_url) == set(metadata.tables)


async def test_concurrent_migrations_run_one_after_the_other(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate(empty_database_url) for _ in range(3)))

    assert await _tables(empty_database_url) == set(metadata.tables)


async def test_an_unknown_revision_is_reported_in_one_line(empty_database_url: str) -> None:
    with pytest.raises(SystemExit, match="cannot be brought to no-such-revision"):
        await migrate(empty_database_url, "no-such-revision")
