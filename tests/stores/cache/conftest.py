"""A cache harness on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.cache.cache_harness import CacheHarness, open_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CacheHarness]:
    async with open_harness(f"sqlite+aiosqlite:///{tmp_path / 'cache.db'}") as harness:
        yield harness
