"""The relational database of the events, on SQLite and once more on MariaDB."""

from collections.abc import AsyncIterator

import pytest

from app.stores.aurora import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()
