"""A shelf of numbers on SQLite, and each engine of Redis."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.cache.shelf import Shelf, open_shelf


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with open_shelf(f"sqlite+aiosqlite:///{tmp_path / 'shelf.db'}") as shelf:
        yield shelf
