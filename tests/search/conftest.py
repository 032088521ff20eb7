"""The search index in the relational database of the run, beside the house's items."""

from collections.abc import AsyncIterator

import pytest

from app.events.cursors import CursorStore
from app.events.follower import Following
from app.items.cursor import Cursors
from app.search.index_store import IndexStore
from app.search.indexing import SearchIndex
from app.search.service import SearchService
from app.search.store import SearchStore
from app.stores.aurora import Database
from tests.house import House
from tests.search.library import Library


@pytest.fixture
async def database(common_database_url: str) -> AsyncIterator[Database]:
    opened = Database(common_database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def library(house: House, database: Database) -> Library:
    """An account whose log search follows."""
    index, cursors = IndexStore(database), CursorStore(database)
    follower = SearchIndex(house.base.items.store, index)
    following = Following(house.base.events.log, cursors, [follower])
    search = SearchService(house.items, SearchStore(database.readers), Cursors(b"secret"))
    await cursors.enrol(follower.name, [house.account])
    return Library(house, database, index, following, follower, search)
