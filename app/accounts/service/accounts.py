"""Accounts: registration, the first administrator, display names, and the operator's actions."""

from collections.abc import Sequence

import structlog

from app.accounts.schema.keys import account_key, session_key
from app.accounts.schema.values import AccountRow
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords, check_new_password
from app.accounts.store.accounts import AccountStore
from app.settings import FirstAccount, Registration
from app.stores.aurora import AsyncConnection, Conflict
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Key
from darkroom_shared.accounts import Account
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.problems import AddressTaken, NotFound, RegistrationClosed
from darkroom_shared.times import Clock

log = structlog.get_logger()


def normalised(email: str) -> str:
    """Return the form in which addresses are compared. Mail servers ignore case, so it is lower case."""
    return email.strip().lower()


class AccountService:
    """Accounts: registration, names and passwords. Each change commits before its method returns."""

    def __init__(
        self,
        store: AccountStore,
        cache: Cache,
        passwords: Passwords,
        attempts: Attempts,
        registration: Registration,
        clock: Clock,
        first_account: FirstAccount = FirstAccount.ANYONE,
    ) -> None:
        self._store, self._cache, self._passwords, self._attempts = store, cache, passwords, attempts
        self._registration, self._first_account, self._clock = registration, first_account, clock

    async def register(self, email: str, password: str, *, client: str) -> Account:
        """Create an account. The first account of an installation becomes the administrator.

        Raises RegistrationClosed, Invalid, AddressTaken, TooManyRequests (counted by `client`, the client's address).
        """
        if self._registration is Registration.CLOSED:
            raise RegistrationClosed
        if self._first_account is FirstAccount.COMMAND and not await self._store.has_accounts():
            raise RegistrationClosed(
                "The first account is made on the machine itself: `darkroom admin create-account`."
            )
        check_new_password(normalised(email), password)
        async with self._attempts.registration(client):
            return await self._create(email, password, administrator=False, first_is_administrator=True)

    async def create(self, email: str, password: str, *, administrator: bool) -> Account:
        """Create an account for an operator, even if registration is closed. Raises Invalid, AddressTaken."""
        check_new_password(normalised(email), password)
        return await self._create(email, password, administrator=administrator, first_is_administrator=False)

    async def reset_password(self, email: str, password: str) -> None:
        """Set the password and end all sessions of the account. Raises Invalid, NotFound."""
        check_new_password(normalised(email), password)
        password_hash = await self._passwords.hash(password)
        async with self._cache.change() as unit:
            account = await self._store.set_password(unit.connection, normalised(email), password_hash)
            if account is None:
                raise NotFound("Nobody has this address.")
            ended = await self._store.end_all_sessions(unit.connection, account)
            unit.invalidate(*map(session_key, ended))
        log.info("password.reset")

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

    async def _load(self, accounts: Sequence[AccountId]) -> dict[AccountId, AccountRow | None]:
        keys = {account_key(account): account for account in accounts}

        async def load(
            connection: AsyncConnection, missing: Sequence[Key[AccountRow | None]]
        ) -> dict[Key[AccountRow | None], AccountRow | None]:
            rows = await self._store.load(connection, [keys[key] for key in missing])
            return {key: rows.get(keys[key]) for key in missing}

        cached = await self._cache.get_many(list(keys), load)
        return {account: cached[key] for key, account in keys.items()}

    async def _create(self, email: str, password: str, *, administrator: bool, first_is_administrator: bool) -> Account:
        password_hash = await self._passwords.hash(password)
        row = AccountRow(new_account_id(), normalised(email), administrator, self._clock())
        created = await self.add(row, password_hash, first_is_administrator=first_is_administrator)
        log.info("account.created", account=created.id, administrator=created.administrator)
        return created.to_wire()

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
