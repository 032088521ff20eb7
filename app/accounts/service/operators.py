"""What an operator does to accounts from the command line, without a limit and without a session."""

import structlog

from app.accounts.schema.keys import session_key
from app.accounts.schema.values import normalised
from app.accounts.service.creation import AccountCreation
from app.accounts.service.passwords import Passwords, check_new_password
from app.accounts.store.accounts import AccountStore
from app.stores.cache.cache import Cache
from darkroom_shared.accounts import Account
from darkroom_shared.problems import NotFound

log = structlog.get_logger()


class OperatorService:
    """Creates accounts and sets passwords for an operator."""

    def __init__(self, *, creation: AccountCreation, store: AccountStore, cache: Cache, passwords: Passwords) -> None:
        self._creation, self._store, self._cache, self._passwords = creation, store, cache, passwords

    async def create(self, email: str, password: str, *, administrator: bool) -> Account:
        """Create an account, even if registration is closed. Raises Invalid, AddressTaken."""
        return await self._creation.create(email, password, administrator=administrator)

    async def reset_password(self, email: str, password: str) -> None:
        """Set the password and end all sessions of the account. Raises Invalid, NotFound."""
        check_new_password(normalised(email), password)
        password_hash = await self._passwords.hash(password)
        async with self._cache.change() as unit:
            account = await self._store.set_password(unit.connection, normalised(email), password_hash)
            if account is None:
                raise NotFound("No account has this address.")
            ended = await self._store.end_all_sessions(unit.connection, account)
            unit.invalidate(*map(session_key, ended))
        log.info("password.reset")
