"""Registration: a caller creates an account, if the installation lets it."""

from app.accounts.schema.values import normalised
from app.accounts.service.creation import AccountCreation
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import check_new_password
from app.accounts.store.accounts import AccountStore
from app.settings import FirstAccount, Registration
from darkroom_shared.accounts import Account
from darkroom_shared.problems import RegistrationClosed


class RegistrationService:
    """Decides whether a caller may create an account. `first_account`: who may create the first one."""

    def __init__(
        self,
        *,
        creation: AccountCreation,
        store: AccountStore,
        attempts: Attempts,
        registration: Registration,
        first_account: FirstAccount,
    ) -> None:
        self._creation, self._store, self._attempts = creation, store, attempts
        self._registration, self._first_account = registration, first_account

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
        check_new_password(normalised(email), password)  # before the attempt is counted
        async with self._attempts.registration(client):
            return await self._creation.create(email, password, administrator=False, first_is_administrator=True)
