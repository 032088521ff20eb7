"""Close an account: all access ends at once, and an eraser deletes its data."""

from typing import TYPE_CHECKING

import structlog

from app.accounts.schema.keys import account_key, session_key
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.accounts.store.accounts import AccountStore
from app.jobs.after_commit import try_after_commit
from app.stores.cache.cache import Cache
from darkroom_shared.accounts import ClosedAccount
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Forbidden, NotFound
from darkroom_shared.times import Clock

if TYPE_CHECKING:
    from app.events.service.log import EventLog  # an operator's command does not load the clients of AWS

log = structlog.get_logger()


class ClosingService:
    """Closes an account on the request of its owner. The worker's eraser then deletes the data."""

    def __init__(
        self,
        *,
        store: AccountStore,
        cache: Cache,
        passwords: Passwords,
        attempts: Attempts,
        events: "EventLog",
        clock: Clock,
    ) -> None:
        self._store, self._cache, self._passwords, self._attempts = store, cache, passwords, attempts
        self._events, self._clock = events, clock

    async def close(self, account: AccountId, password: str, *, client: str) -> ClosedAccount:
        """End all sessions, delete address and password, and refuse further changes of the account's items.

        Raises Forbidden for a wrong password, TooManyRequests (like signing in), NotFound.
        """
        known = await self._store.get_account(account)
        if known is None:
            raise NotFound
        async with self._attempts.sign_in(known.email, client):
            credentials = await self._store.get_credentials(known.email)
            password_hash = credentials.password_hash if credentials else None
            if not await self._passwords.matches(password_hash, password) or password_hash is None:
                raise Forbidden("The password is wrong.")
        now = self._clock()
        async with self._cache.change(account_key(account)) as unit:
            if not await self._store.lock_account(unit.connection, account, password_hash):
                raise Forbidden("The password has been changed meanwhile.")
            ended = await self._store.end_all_sessions(unit.connection, account)
            await self._store.close_account(unit.connection, account, password_hash, now)
            unit.invalidate(*map(session_key, ended))
        log.info("account.closed", account=account)
        await try_after_commit(self._events.close(account), "close_events", account=account)  # the eraser repeats it
        return ClosedAccount(id=account, closed_at=now)
