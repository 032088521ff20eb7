"""An installation per test, on SQLite and on MariaDB."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.migrations.run import migrate
from tests.accounts.front_door import FrontDoor, open_front_door


@pytest.fixture
async def door(database_url: str, valkey_url: str) -> AsyncIterator[FrontDoor]:
    """One process with open registration, nobody registered."""
    async with open_front_door(database_url, valkey_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with this release's tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "darkroom.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture
async def anonymous(migrated_file: Path, tmp_path: Path, valkey_url: str) -> AsyncIterator[FrontDoor]:
    """For those who are turned away before any database is asked: SQLite alone will do."""
    copied = shutil.copy(migrated_file, tmp_path)
    async with open_front_door(f"sqlite+aiosqlite:///{copied}", valkey_url) as opened:
        yield opened
