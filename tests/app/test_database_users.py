"""The app's database user may only read and write rows; another one migrates. All tests on servers use these two."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from app.stores.aurora import Database
from darkroom_shared.problems import Unavailable
from tests.database_engines import MIGRATING_USER, ROWS, TABLES, USER
from tests.database_pair import DatabasePair

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "SETTINGS.md"


async def _migrate_by_command(url: str) -> tuple[int | None, str, str]:
    """Run `python -m app migrate`. Return the exit code, stdout and stderr."""
    required = {
        "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "BUCKET": "darkroom", "CDN_URL": "http://127.0.0.1:9",
        "CDN_KEY_ID": "K1", "CDN_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----", "SECRET": "s" * 32,
        "COMPLETIONS_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:darkroom-completions",
    }  # fmt: skip
    environment = {f"DARKROOM_{name}": value for name, value in required.items()}
    environment |= {"PATH": os.environ["PATH"], "AWS_REGION": "eu-north-1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "migrate", env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_only_the_migrating_user_changes_tables(database_pair: DatabasePair, empty_pair: str) -> None:
    as_user, as_migrating_user = (database_pair.writer.url(empty_pair, user=user) for user in (USER, MIGRATING_USER))

    refused = await _migrate_by_command(as_user)
    assert refused == (1, "", "The database's user may not change tables: migrate as the user who may.\n")

    code, _, logged = await _migrate_by_command(as_migrating_user)
    assert (code, logged.count('"database.migrated"')) == (0, 1)
    code, _, _ = await _migrate_by_command(as_user)
    assert code == 0, "nothing is to be changed"


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE more (id INT)", "DROP TABLE accounts", "TRUNCATE accounts", "SET GLOBAL read_only = 0"]
)
async def test_the_app_may_only_read_and_write_rows(
    database_pair: DatabasePair, replicated: str, statement: str
) -> None:
    database = Database(database_pair.writer.url(replicated))
    with pytest.raises(Unavailable):
        async with database.writer.write() as connection:
            await connection.execute(text(statement))
    await database.close()


async def test_the_app_may_query_the_lag_of_its_readers(database_pair: DatabasePair, replicated: str) -> None:
    url = database_pair.writer.url(replicated)
    database = Database(url, reader_url=database_pair.reader.url(replicated))
    assert await database.readers.lag_seconds() is not None
    await database.close()


async def test_a_migration_of_an_unreachable_database_ends_with_one_line_of_reason() -> None:
    code, output, errors = await _migrate_by_command("mysql+asyncmy://darkroom@127.0.0.1:1/darkroom")

    reason = "The database is not migrated: The service cannot do this at the moment. Start it again.\n"
    assert (code, output, errors) == (3, "", reason)


def test_the_page_of_settings_grants_what_the_tests_grant() -> None:
    page = SETTINGS_PAGE.read_text()
    for rights, user in ((ROWS, USER), (TABLES, MIGRATING_USER)):
        assert f"GRANT {rights} ON darkroom.* TO '{user}'@'%';" in page
