"""A family on SQLite, and, where the statements matter, once more on MariaDB."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.albums.family import Family, open_family
from tests.house import House, Stores


@pytest.fixture
async def family(stores: Stores, house: House, migrated_file: Path, tmp_path: Path) -> AsyncIterator[Family]:
    copied = shutil.copy(migrated_file, tmp_path)
    async with open_family(stores, house, f"sqlite+aiosqlite:///{copied}") as opened:
        yield opened


@pytest.fixture
async def family_on_both(stores: Stores, house: House, database_url: str) -> AsyncIterator[Family]:
    async with open_family(stores, house, database_url) as opened:
        yield opened
