"""An installation per test, on SQLite and on MariaDB."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.front_door import FrontDoor, open_front_door


@pytest.fixture
async def door(database_url: str, valkey_url: str) -> AsyncIterator[FrontDoor]:
    """One process with open registration, nobody registered."""
    async with open_front_door(database_url, valkey_url) as opened:
        yield opened


@pytest.fixture
async def anonymous(migrated_file: Path, tmp_path: Path, valkey_url: str) -> AsyncIterator[FrontDoor]:
    """For those who are turned away before any database is asked: SQLite alone will do."""
    copied = shutil.copy(migrated_file, tmp_path)
    async with open_front_door(f"sqlite+aiosqlite:///{copied}", valkey_url) as opened:
        yield opened
