"""A family on SQLite, and, where the statements matter, once more on MariaDB. Databases are the run's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.albums.family import Family, open_family
from tests.house import Stores


@pytest.fixture
async def family(stores: Stores, migrated_file: Path) -> AsyncIterator[Family]:
    async with open_family(stores, f"sqlite+aiosqlite:///{migrated_file}") as opened:
        yield opened


@pytest.fixture
async def family_on_both(stores: Stores, common_database_url: str) -> AsyncIterator[Family]:
    async with open_family(stores, common_database_url) as opened:
        yield opened
