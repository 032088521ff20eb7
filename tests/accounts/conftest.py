"""A separate installation for each test, on SQLite and on MariaDB."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.accounts.accounts_api import AccountsApi, open_accounts_api


@pytest.fixture
async def accounts_api(database_url: str, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process with open registration and no accounts."""
    async with open_accounts_api(database_url, valkey_url) as opened:
        yield opened


@pytest.fixture
async def anonymous(migrated_file: Path, tmp_path: Path, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process on SQLite only, for requests that are refused before any database statement."""
    copied = shutil.copy(migrated_file, tmp_path)
    async with open_accounts_api(f"sqlite+aiosqlite:///{copied}", valkey_url) as opened:
        yield opened
