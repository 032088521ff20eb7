"""A separate installation for each test, on SQLite and on each engine."""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.accounts.accounts_api import AccountsApi, open_accounts_api


@pytest.fixture
async def accounts_api(database_url: str, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process with open registration and no accounts."""
    async with open_accounts_api(database_url, valkey_url) as opened:
        yield opened


@pytest.fixture
async def anonymous(make_sqlite: Callable[[], str], valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process on SQLite only, for requests that are refused before any database statement."""
    async with open_accounts_api(make_sqlite(), valkey_url) as opened:
        yield opened
