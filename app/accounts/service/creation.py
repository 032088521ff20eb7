"""Create an account from an email address and a password."""

import structlog

from app.accounts.schema.values import AccountRow, normalised
from app.accounts.service.accounts import AccountService
from app.accounts.service.passwords import Passwords, check_new_password
from darkroom_shared.accounts import Account
from darkroom_shared.ids import new_account_id
from darkroom_shared.times import Clock

log = structlog.get_logger()


class AccountCreation:
    """Creates accounts. Does not decide who may have one."""

    def __init__(self, *, accounts: AccountService, passwords: Passwords, clock: Clock) -> None:
        self._accounts, self._passwords, self._clock = accounts, passwords, clock

    async def create(
        self, email: str, password: str, *, administrator: bool, first_is_administrator: bool = False
    ) -> Account:
        """Hash the password and store the account. Raises Invalid, AddressTaken."""
        check_new_password(normalised(email), password)
        password_hash = await self._passwords.hash(password)
        row = AccountRow(new_account_id(), normalised(email), administrator, self._clock())
        created = await self._accounts.add(row, password_hash, first_is_administrator=first_is_administrator)
        log.info("account.created", account=created.id, administrator=created.administrator)
        return created.to_wire()
