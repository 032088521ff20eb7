"""Migrations keep the rows, forward and backward, and the previous release works beside the new schema."""

import io
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from app.migrations.run import configuration, migrate
from app.stores.aurora import Database
from tests.app.full_tables import contents, fill, missing_rows

T = TypeVar("T")

UNUSED_SINCE = "unused_since"
"""A step that removes something names the release whose code stopped using it. That release must be out already."""


def _steps() -> list[Script]:
    """Return all steps, first to last."""
    with Operations.context(MigrationContext.configure(dialect_name="sqlite", opts={"as_sql": True})):
        directory = ScriptDirectory.from_config(configuration(None))  # type: ignore[arg-type]  # it needs no URL
        return list(reversed(list(directory.walk_revisions())))


STEPS = _steps()


async def _on(database_url: str, work: Callable[[Connection], T]) -> T:
    database = Database(database_url)
    async with database.writer.write() as connection:
        result = await connection.run_sync(work)
    await database.close()
    return result


async def _migrate(database_url: str, revision: str) -> list[str]:
    """Return the tables that lost a row during the migration."""
    before = await _on(database_url, contents)
    await migrate(database_url, revision)
    return missing_rows(before, await _on(database_url, contents))


async def test_no_step_drops_a_row_forward_or_backward(empty_database_url: str) -> None:
    revisions = [step.revision for step in STEPS]
    for revision in revisions:
        assert await _migrate(empty_database_url, revision) == [], f"forward to {revision}"
        await _on(empty_database_url, fill)
    assert all((await _on(empty_database_url, contents)).values()), "a row in every table"

    for revision in reversed(revisions[:-1]):
        assert await _migrate(empty_database_url, revision) == [], f"backward to {revision}"
    assert await _migrate(empty_database_url, revisions[-1]) == []


def _sql(step: Script) -> list[str]:
    """Return the SQL statements that the step sends to MySQL."""
    sent = io.StringIO()
    context = MigrationContext.configure(dialect_name="mysql", opts={"as_sql": True, "output_buffer": sent})
    with Operations.context(context):
        step.module.upgrade()
    return [" ".join(statement.split()) for statement in re.split(r";\n", sent.getvalue()) if statement.strip()]


def _errors(statements: list[str]) -> Iterator[str]:
    """Yield what breaks the previous release: it does not know new columns and needs the old ones."""
    made = {name for statement in statements for name in re.findall(r"^CREATE TABLE (\w+)", statement)}
    for statement in statements:
        if not _is_harmless(statement, made):
            yield statement


def _is_harmless(statement: str, made: set[str]) -> bool:
    words = statement.split()
    match words:
        case ["CREATE", "TABLE", *_] | ["UPDATE", *_] | ["INSERT", *_]:
            return True
        case ["CREATE", "INDEX", *_]:
            return True
        case ["CREATE", "UNIQUE", "INDEX", _, "ON", table, *_]:
            return table in made
        case ["ALTER", "TABLE", table, "ADD", "COLUMN", *_]:
            return table in made or "NOT NULL" not in statement or "DEFAULT" in words
        case _:
            return False


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.revision)
def test_the_previous_release_works_after_each_step(step: Script) -> None:
    """Follow add, fill, switch, remove: a step adds, or names the release since which the removed part is unused."""
    refused = list(_errors(_sql(step)))

    assert not refused or hasattr(step.module, UNUSED_SINCE)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE accounts",
        "ALTER TABLE accounts DROP COLUMN name",
        "ALTER TABLE accounts RENAME TO people",
        "ALTER TABLE accounts CHANGE name title VARCHAR(100) NULL",
        "ALTER TABLE accounts ADD COLUMN name VARCHAR(100) NOT NULL",
        "ALTER TABLE accounts ADD CONSTRAINT uq_name UNIQUE (name)",
        "CREATE UNIQUE INDEX uq_accounts_name ON accounts (name)",
    ],
)
def test_a_statement_that_breaks_the_previous_release_is_refused(statement: str) -> None:
    assert list(_errors(["CREATE TABLE albums ( id INT )", statement])) == [statement]
