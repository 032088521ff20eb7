"""Accounts: the rows, cached, with their display names. `creation.py` makes new ones."""

from collections.abc import Sequence

from app.accounts.schema.keys import account_key
from app.accounts.schema.values import AccountRow
from app.accounts.store.accounts import AccountStore
from app.stores.aurora import AsyncConnection, Conflict
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Key
from darkroom_shared.accounts import Account
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import AddressTaken, NotFound


class AccountService:
    """Reads, adds and renames accounts. Each change commits before its method returns."""

    def __init__(self, *, store: AccountStore, cache: Cache) -> None:
        self._store, self._cache = store, cache

    async def require(self, account: AccountId) -> Account:
        """Return the account. Raises NotFound."""
        cached = (await self._load([account]))[account]
        if cached is None:
            raise NotFound
        return cached.to_wire()

    async def rename(self, account: AccountId, name: str | None) -> Account:
        """Set the display name, or reset it with None. Raises NotFound."""
        async with self._cache.change(account_key(account)) as unit:
            await self._store.rename(unit.connection, account, name)
            renamed = (await self._store.load(unit.connection, [account])).get(account)
        if renamed is None:
            raise NotFound
        return renamed.to_wire()

    async def names(self, accounts: Sequence[AccountId]) -> dict[AccountId, str]:
        """Return the display names of the accounts. Closed accounts are missing."""
        cached = await self._load(accounts)
        return {account: row.display_name for account, row in cached.items() if row is not None}

    async def add(self, row: AccountRow, password_hash: str, *, first_is_administrator: bool = False) -> AccountRow:
        """Insert the account and return the stored row. Raises AddressTaken."""

        async def add() -> AccountRow:
            async with self._cache.change(account_key(row.id)) as unit:
                return await self._store.add_account(
                    unit.connection, row, password_hash, first_is_administrator=first_is_administrator
                )

        try:
            return await add()
        except Conflict:
            # The address is taken; or, on MySQL, another account became the first one meanwhile.
            if await self._store.get_credentials(row.email) is not None:
                raise AddressTaken from None
        try:
            return await add()
        except Conflict as conflict:
            raise AddressTaken from conflict

    async def _load(self, accounts: Sequence[AccountId]) -> dict[AccountId, AccountRow | None]:
        keys = {account_key(account): account for account in accounts}

        async def load(
            connection: AsyncConnection, missing: Sequence[Key[AccountRow | None]]
        ) -> dict[Key[AccountRow | None], AccountRow | None]:
            rows = await self._store.load(connection, [keys[key] for key in missing])
            return {key: rows.get(keys[key]) for key in missing}

        cached = await self._cache.get_many(list(keys), load)
        return {account: cached[key] for key, account in keys.items()}
