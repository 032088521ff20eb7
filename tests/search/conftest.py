"""The search index in the relational database of the run, on the services' items."""

from collections.abc import AsyncIterator

import pytest

from app.stores.aurora import Database
from tests.search.library import Library, open_library
from tests.services import Services


@pytest.fixture
async def database(common_database_url: str) -> AsyncIterator[Database]:
    opened = Database(common_database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def library(services: Services, database: Database) -> Library:
    """An account with a search projection of its log."""
    return await open_library(services, database)
