"""Registration: a caller creates an account, if the installation lets it."""

import structlog

from app.accounts.schema.values import normalised
from app.accounts.service.administrator_link import AdministratorLinks
from app.accounts.service.creation import AccountCreation
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import check_new_password
from app.accounts.store.accounts import AccountStore
from app.jobs.isolation import isolate
from app.settings import FirstAccount, Registration
from darkroom_shared.accounts import Account
from darkroom_shared.problems import RegistrationClosed

LINK_COMMAND = "python -m app administrator-link --url URL"

log = structlog.get_logger()


class RegistrationService:
    """Decides whether a caller may create an account. `first_account`: who may create the first one."""

    def __init__(
        self,
        *,
        creation: AccountCreation,
        store: AccountStore,
        attempts: Attempts,
        administrator_links: AdministratorLinks,
        registration: Registration,
        first_account: FirstAccount,
    ) -> None:
        self._creation, self._store, self._attempts = creation, store, attempts
        self._administrator_links = administrator_links
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

    async def register_administrator(self, token: str, email: str, password: str, *, client: str) -> Account:
        """Create the first account by its link, even if registration is closed.

        Raises AdministratorLinkInvalid (counted by `client`, like an address that is taken), Invalid, TooManyRequests.
        """
        check_new_password(normalised(email), password)
        async with self._attempts.registration(client):
            return await self._administrator_links.redeem(token, email, password)

    async def report_missing_administrator(self) -> None:
        """Log the command for the first account, if none exists and a caller may not register it.

        Never fails: a process also starts without its database, and before the first migration.
        """
        if self._registration is Registration.CLOSED or self._first_account is FirstAccount.COMMAND:
            await isolate(self._report_missing_administrator(), "report_missing_administrator")

    async def _report_missing_administrator(self) -> None:
        if not await self._store.has_accounts():
            log.info("administrator.missing", command=LINK_COMMAND)
