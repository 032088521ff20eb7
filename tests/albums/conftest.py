"""Album services on SQLite, and on each engine where statements matter: apps for each module, databases for the run."""

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from tests.albums.album_services import AlbumServices, open_album_services
from tests.services import Stores


@pytest_asyncio.fixture(scope="module")
async def album_services(stores: Stores, make_sqlite: Callable[[], str]) -> AsyncIterator[AlbumServices]:
    async with open_album_services(stores, make_sqlite()) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def album_services_on_both(stores: Stores, common_database_url: str) -> AsyncIterator[AlbumServices]:
    async with open_album_services(stores, common_database_url) as opened:
        yield opened
