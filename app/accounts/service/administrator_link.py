"""The one-time link that makes the first account, the administrator's, where registration is closed."""

from datetime import timedelta

import structlog

from app.accounts.schema.keys import account_key
from app.accounts.schema.values import AccountRow, normalised
from app.accounts.service import tokens
from app.accounts.service.passwords import Passwords
from app.accounts.store.accounts import AccountStore
from app.accounts.store.administrator_link import AdministratorLinkStore
from app.stores.aurora import Conflict
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.accounts import Account
from darkroom_shared.ids import new_account_id
from darkroom_shared.problems import AdministratorLinkInvalid
from darkroom_shared.times import Clock

PREFIX = "dra_"
LIFETIME = timedelta(hours=24)

log = structlog.get_logger()


class AdministratorLinks:
    """Issues the link and redeems it. There is at most one, and only until the first account exists."""

    def __init__(
        self,
        *,
        links: AdministratorLinkStore,
        accounts: AccountStore,
        cache: Cache,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._links, self._accounts, self._cache = links, accounts, cache
        self._passwords, self._clock = passwords, clock

    async def issue(self) -> str | None:
        """Return a new token, of which only the hash is stored; the previous one becomes invalid.

        Returns None if any account exists or ever existed.
        """
        token = tokens.new_token(PREFIX)
        token_hash, expires_at = tokens.hash_of(token), self._clock() + LIFETIME
        stored = await retry_on_conflict(lambda: self._links.replace(token_hash, expires_at))
        if not stored:
            return None
        log.info("administrator_link.issued")
        return token

    async def redeem(self, token: str, email: str, password: str) -> Account:
        """Create the administrator's account and consume the link in one transaction.

        Raises AdministratorLinkInvalid, which looks the same for a wrong, used, replaced or expired token, and if an
        account exists. The password has been checked before.
        """
        token_hash, now = tokens.hash_of(token), self._clock()
        if not await self._links.is_valid(token_hash, now):  # before the slow hash of the password
            raise AdministratorLinkInvalid
        password_hash = await self._passwords.hash(password)
        row = AccountRow(new_account_id(), normalised(email), True, now)
        try:
            async with self._cache.change(account_key(row.id)) as unit:
                if not await self._links.use(unit.connection, token_hash, now):
                    raise AdministratorLinkInvalid
                await self._accounts.add_first(unit.connection, row, password_hash)
        except Conflict:  # an operator's command made the first account meanwhile
            raise AdministratorLinkInvalid from None
        log.info("account.created", account=row.id, administrator=True)
        return row.to_wire()
