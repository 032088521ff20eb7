"""Sessions: sign in, authenticate tokens, list and end sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.accounts.schema.keys import session_key
from app.accounts.schema.values import Credentials, KnownSession, SessionRow, normalised
from app.accounts.service import tokens
from app.accounts.service.limits import Attempts
from app.accounts.service.passwords import Passwords
from app.accounts.store.accounts import AccountStore
from app.identity import CallerIdentity
from app.stores.aurora import AsyncConnection
from app.stores.cache.cache import Cache
from darkroom_shared.accounts import Account, Session
from darkroom_shared.ids import AccountId, SessionId, new_session_id
from darkroom_shared.problems import NotFound, Unauthenticated, Unavailable
from darkroom_shared.times import Clock

LIFETIME = timedelta(days=30)
"""Time since the last use, accurate to EXTENDED_EVERY."""
EXTENDED_EVERY = timedelta(days=1)
_FRESH = LIFETIME - EXTENDED_EVERY

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewSession:
    """A new session with its token, of which the database stores only the hash."""

    account: Account
    session: Session
    token: str


class SessionService:
    """Sign users in and out. Also the Authenticator of every protected route."""

    def __init__(
        self, *, store: AccountStore, cache: Cache, passwords: Passwords, attempts: Attempts, clock: Clock
    ) -> None:
        self._store, self._cache, self._passwords = store, cache, passwords
        self._attempts, self._clock = attempts, clock

    async def sign_in(self, email: str, password: str, *, label: str, client: str, presented: str | None) -> NewSession:
        """Start a session and end the one whose token the client `presented`.

        Raises TooManyRequests or Unauthenticated. The time taken does not reveal whether the address has an account.
        """
        address = normalised(email)
        async with self._attempts.sign_in(address, client):
            known = await self._store.get_credentials(address)
            matched = await self._passwords.matches(known.password_hash if known else None, password)
            if known is None or not matched:
                raise _refused()
        current_hash = await self._renew_hash(known, password)
        return await self._start(known, current_hash, label, presented)

    async def authenticate(self, token: str) -> CallerIdentity | None:
        """Return the caller, or None if no valid session has this token. Extends the session at most once a day."""
        now, token_hash = self._clock(), tokens.hash_of(token)

        async def load(connection: AsyncConnection) -> KnownSession | None:
            return await self._store.load_session(connection, token_hash)

        known = await self._cache.get(session_key(token_hash), load)
        if known is None or known.expires_at <= now:
            return None
        if known.expires_at < now + _FRESH:
            await self._extend(known, token_hash, now)
        return CallerIdentity(known.account_id, known.id, known.administrator)

    async def is_session_alive(self, session: SessionId) -> bool:
        """Return whether the session is valid now, read from the database without the cache. Used by event streams."""
        return await self._store.is_session_alive(session, self._clock())

    async def list(self, caller: CallerIdentity) -> tuple[Session, ...]:
        """Return the caller's valid sessions, newest first."""
        rows = await self._store.list_sessions(caller.account_id, self._clock())
        return tuple(row.to_wire(current=row.id == caller.session_id) for row in rows)

    async def end(self, owner: AccountId, session: SessionId) -> None:
        """End a session. Raises NotFound, also for another account's session."""
        async with self._cache.change() as unit:
            ended = await self._store.end_session(unit.connection, owner, session)
            unit.invalidate(*map(session_key, ended))
        if not ended:
            raise NotFound
        log.info("session.ended", account=owner, session=session)

    async def end_all(self, owner: AccountId) -> None:
        """End all sessions of the account, the caller's included. Idempotent."""
        async with self._cache.change() as unit:
            ended = await self._store.end_all_sessions(unit.connection, owner)
            unit.invalidate(*map(session_key, ended))
        log.info("sessions.ended", account=owner)

    async def _renew_hash(self, known: Credentials, password: str) -> str:
        """Return the account's password hash, replaced if it was made with outdated parameters."""
        if not self._passwords.is_outdated(known.password_hash):
            return known.password_hash
        renewed = await self._passwords.hash(password)
        await self._store.replace_password_hash(known.account.id, known.password_hash, renewed)
        return renewed

    async def _start(self, known: Credentials, password_hash: str, label: str, presented: str | None) -> NewSession:
        now, token = self._clock(), tokens.new_token()
        session = SessionRow(new_session_id(), known.account.id, label, now, now + LIFETIME)
        await self.add(session, tokens.hash_of(token), password_hash, tokens.hash_of(presented) if presented else None)
        log.info("session.started", account=session.account_id, session=session.id)
        return NewSession(known.account.to_wire(), session.to_wire(current=True), token)

    async def add(
        self, session: SessionRow, token_hash: str, password_hash: str, instead_of: str | None = None
    ) -> None:
        """Insert a session. Ends the session with the token hash `instead_of`, expired ones, and the oldest beyond
        MAX_SESSIONS.

        Raises Unauthenticated if the account's password is no longer the one that was verified.
        """
        account = session.account_id
        async with self._cache.change(session_key(token_hash)) as unit:
            # The row lock orders this before or after a password change, which ends all sessions.
            if not await self._store.lock_account(unit.connection, account, password_hash):
                raise _refused()
            ended = await self._store.end_session_with(unit.connection, instead_of) if instead_of else []
            ended += await self._store.end_oldest(unit.connection, account, session.created_at)
            await self._store.add_session(unit.connection, session, token_hash)
            unit.invalidate(*map(session_key, ended))

    async def _extend(self, known: KnownSession, token_hash: str, now: datetime) -> None:
        try:
            async with self._cache.change(session_key(token_hash)) as unit:
                await self._store.extend_session(unit.connection, known.id, now + LIFETIME)
        except Unavailable as error:
            # A read must not fail because the database refuses writes; the next request tries again.
            log.warning("session.not_extended", session=known.id, reason=repr(error.__cause__))


def _refused() -> Unauthenticated:
    """Return the same error for an unknown address and for a wrong password."""
    return Unauthenticated("The address or the password is wrong.")
