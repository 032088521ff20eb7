"""A family on SQLite, and, where the statements matter, once more on MariaDB. Apps live as long as a module,
databases as long as the run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.albums.family import Family, open_family
from tests.house import Stores


@pytest_asyncio.fixture(scope="module")
async def family(stores: Stores, migrated_file: Path) -> AsyncIterator[Family]:
    async with open_family(stores, f"sqlite+aiosqlite:///{migrated_file}") as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def family_on_both(stores: Stores, common_database_url: str) -> AsyncIterator[Family]:
    async with open_family(stores, common_database_url) as opened:
        yield opened
