"""Accounts: who may register, who becomes the administrator, and what an operator may do."""

import structlog

from app.accounts.limits import Attempts
from app.accounts.passwords import Passwords, check_new_password
from app.accounts.store import AccountStore
from app.accounts.values import AccountRow
from app.settings import Registration
from shared.accounts import Account
from shared.ids import AccountId, new_account_id
from shared.problems import AddressTaken, NotFound, RegistrationClosed
from shared.times import Clock

log = structlog.get_logger()


def normalised(email: str) -> str:
    """The form by which addresses are compared: nobody's mail server tells capital letters apart."""
    return email.strip().lower()


class AccountService:
    def __init__(
        self, store: AccountStore, passwords: Passwords, attempts: Attempts, registration: Registration, clock: Clock
    ) -> None:
        self._store, self._passwords, self._attempts = store, passwords, attempts
        self._registration, self._clock = registration, clock

    async def register(self, email: str, password: str, *, client: str) -> Account:
        """The first account of an installation is its administrator's.

        Raises RegistrationClosed, Invalid, AddressTaken, TooManyRequests (by `client`: where the request comes from).
        """
        if self._registration is Registration.CLOSED:
            raise RegistrationClosed
        check_new_password(normalised(email), password)
        async with self._attempts.registration(client):
            return await self._create(email, password, administrator=False, first_is_administrator=True)

    async def create(self, email: str, password: str, *, administrator: bool) -> Account:
        """On behalf of an operator, whether registration is open or closed. Raises Invalid, AddressTaken."""
        check_new_password(normalised(email), password)
        return await self._create(email, password, administrator=administrator, first_is_administrator=False)

    async def reset_password(self, email: str, password: str) -> None:
        """Ends all sessions of the account. Raises Invalid, NotFound."""
        check_new_password(normalised(email), password)
        if not await self._store.set_password(normalised(email), await self._passwords.hash(password)):
            raise NotFound("Nobody has this address.")
        log.info("password.reset")

    async def require(self, account: AccountId) -> Account:
        """Raises NotFound."""
        found = await self._store.get_account(account)
        if found is None:
            raise NotFound
        return found.shown()

    async def _create(self, email: str, password: str, *, administrator: bool, first_is_administrator: bool) -> Account:
        password_hash = await self._passwords.hash(password)
        wanted = AccountRow(new_account_id(), normalised(email), administrator, self._clock())
        created = await self._store.add_account(wanted, password_hash, first_is_administrator=first_is_administrator)
        if created is None:
            raise AddressTaken
        log.info("account.created", account=created.id, administrator=created.administrator)
        return created.shown()
