"""The relational database of the events, on SQLite and once more on MariaDB; each test has accounts of its own."""

from collections.abc import AsyncIterator

import pytest

from app.stores.aurora import Database


@pytest.fixture
async def database(common_database_url: str) -> AsyncIterator[Database]:
    opened = Database(common_database_url)
    yield opened
    await opened.close()
