"""Several instances migrate one database at the same time, one of them for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncmy
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.util import await_only
from structlog.testing import capture_logs

from app.migrations.run import START_SECONDS, TOTAL_SECONDS, LockWait, migrate
from darkroom_shared.problems import Unavailable
from tests.database_engines import MIGRATING_USER
from tests.database_pair import DatabasePair

WAIT_SECONDS = 60
IS_LOCKED = "SELECT IS_USED_LOCK('darkroom-migrations')"
OFTEN = LockWait(poll_seconds=0.02)


@pytest.fixture
async def url(database_pair: DatabasePair, empty_pair: str) -> str:
    """A database at the revision before the last one, for the user who may change tables."""
    url = database_pair.writer.url(empty_pair, user=MIGRATING_USER)
    await migrate(url, "0009")
    return url


@asynccontextmanager
async def _migrating_slowly(pair: DatabasePair, name: str, url: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a migration that has taken its lock, and that ends only after the block."""
    holding = await asyncmy.connect(host="127.0.0.1", port=pair.writer.port, user="root", db=name)
    async with holding.cursor() as cursor:
        await cursor.execute("LOCK TABLES alembic_version WRITE")
        slow = asyncio.create_task(migrate(url))
        async with asyncio.timeout(WAIT_SECONDS):
            while await asyncio.to_thread(pair.writer.run, IS_LOCKED) == "NULL":  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.05)
        yield slow
        await cursor.execute("UNLOCK TABLES")
    holding.close()


async def test_an_instance_waits_for_the_long_migration_of_another_one(
    database_pair: DatabasePair, empty_pair: str, url: str
) -> None:
    with capture_logs() as entries:
        async with _migrating_slowly(database_pair, empty_pair, url) as slow:
            waiting = asyncio.create_task(migrate(url, wait=OFTEN))
            done, _ = await asyncio.wait([slow, waiting], timeout=1)  # some 50 times as long as it waits for the lock
            assert not done
        await asyncio.gather(slow, waiting)

    steps = [(entry["event"], entry.get("before")) for entry in entries]
    assert steps == [("migration.awaited", None), ("database.migrated", "0009"), ("database.migrated", "0010")]


async def test_an_instance_gets_the_lock_only_after_the_commit_of_the_other_one(
    database_pair: DatabasePair, empty_pair: str, url: str
) -> None:
    """Else it would read the previous revision, and run the same step again."""

    def delay(_connection: object) -> None:
        await_only(asyncio.sleep(1))

    async with _migrating_slowly(database_pair, empty_pair, url) as slow:
        waiting = asyncio.create_task(migrate(url, wait=OFTEN))
        event.listen(Engine, "commit", delay)
    try:
        await asyncio.gather(slow, waiting)
    finally:
        event.remove(Engine, "commit", delay)


async def test_an_instance_that_waits_for_too_long_fails_and_changes_nothing(
    database_pair: DatabasePair, empty_pair: str, url: str
) -> None:
    async with _migrating_slowly(database_pair, empty_pair, url) as slow:
        with pytest.raises(Unavailable, match="Another migration is still running"):
            await migrate(url, wait=LockWait(start_seconds=0.3, poll_seconds=0.1))
    await slow


def test_an_instance_waits_by_default_as_long_as_a_migration_may_take() -> None:
    assert LockWait().start_seconds == START_SECONDS >= TOTAL_SECONDS
