"""The relational database of the events, on SQLite and on each engine; each test has accounts of its own."""

from collections.abc import AsyncIterator

import pytest

from app.events.store.cursors import CursorStore
from app.stores.aurora import Database
from darkroom_shared.ids import new_ulid
from tests.database_engines import as_migrating_user
from tests.events.recording_projection import APPLIED_EVENTS
from tests.services import ManualClock


@pytest.fixture
async def database(common_database_url: str) -> AsyncIterator[Database]:
    opened = Database(common_database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def cursors(common_database_url: str, database: Database, clock: ManualClock) -> CursorStore:
    """The cursor store, with the table that a `RecordingProjection` writes."""
    migrating = Database(as_migrating_user(common_database_url))
    async with migrating.writer.write() as connection:
        await connection.run_sync(APPLIED_EVENTS.metadata.create_all)
    await migrating.close()
    return CursorStore(database, clock)


@pytest.fixture
def name() -> str:
    """The name of the test's own projection."""
    return f"ledger {new_ulid()}"
