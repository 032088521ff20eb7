"""An installation per test, on SQLite and on MariaDB."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.accounts_api import AccountsApi, open_accounts_api


@pytest.fixture
async def accounts_api(database_url: str, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process with open registration, nobody registered."""
    async with open_accounts_api(database_url, valkey_url) as opened:
        yield opened


@pytest.fixture
async def anonymous(migrated_file: Path, tmp_path: Path, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """For those who are turned away before any database is asked: SQLite alone will do."""
    copied = shutil.copy(migrated_file, tmp_path)
    async with open_accounts_api(f"sqlite+aiosqlite:///{copied}", valkey_url) as opened:
        yield opened
