"""Sessions: signing in, telling who presents a token, seeing and ending sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.accounts import tokens
from app.accounts.limits import Attempts
from app.accounts.passwords import Passwords
from app.accounts.service import normalised
from app.accounts.store import AccountStore
from app.accounts.values import Credentials, LivingSession, SessionRow
from app.caller import CallerIdentity
from shared.accounts import Account, Session
from shared.ids import AccountId, SessionId, new_session_id
from shared.problems import NotFound, Unauthenticated, Unavailable
from shared.times import Clock

LIFETIME = timedelta(days=30)
"""Since the last use, give or take EXTENDED_EVERY."""
EXTENDED_EVERY = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewSession:
    """`token` is known here only; the database keeps its hash."""

    account: Account
    session: Session
    token: str


class SessionService:
    """Also the Authenticator of every protected route."""

    def __init__(self, store: AccountStore, passwords: Passwords, attempts: Attempts, clock: Clock) -> None:
        self._store, self._passwords, self._attempts, self._clock = store, passwords, attempts, clock

    async def sign_in(self, email: str, password: str, *, label: str, client: str, presented: str | None) -> NewSession:
        """A new session; the one whose token the client `presented` with the request ends.

        Raises TooManyRequests, or Unauthenticated: after the same time whether or not somebody has the address.
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
        """None when no living session has this token. Using a session keeps it alive."""
        now = self._clock()
        living = await self._store.get_living_session(tokens.hash_of(token), now)
        if living is None:
            return None
        if living.expires_at < now + LIFETIME - EXTENDED_EVERY:
            await self._extend(living, now)
        return CallerIdentity(living.account_id, living.id, living.administrator)

    async def is_session_alive(self, session: SessionId) -> bool:
        return await self._store.is_session_alive(session, self._clock())

    async def list(self, caller: CallerIdentity) -> tuple[Session, ...]:
        """The caller's living sessions, newest first."""
        rows = await self._store.list_sessions(caller.account_id, self._clock())
        return tuple(row.shown(current=row.id == caller.session_id) for row in rows)

    async def end(self, owner: AccountId, session: SessionId) -> None:
        """Raises NotFound, for a foreign session too."""
        if not await self._store.end_session(owner, session):
            raise NotFound
        log.info("session.ended", account=owner, session=session)

    async def end_all(self, owner: AccountId) -> None:
        await self._store.end_all_sessions(owner)
        log.info("session.all_ended", account=owner)

    async def _renew_hash(self, known: Credentials, password: str) -> str:
        """The account's hash, made anew when it was made with yesterday's parameters."""
        if not self._passwords.is_outdated(known.password_hash):
            return known.password_hash
        renewed = await self._passwords.hash(password)
        await self._store.replace_password_hash(known.account.id, known.password_hash, renewed)
        return renewed

    async def _start(self, known: Credentials, password_hash: str, label: str, presented: str | None) -> NewSession:
        now, token = self._clock(), tokens.new_token()
        session = SessionRow(new_session_id(), known.account.id, label, now, now + LIFETIME)
        started = await self._store.add_session(
            session,
            tokens.hash_of(token),
            password_hash=password_hash,
            instead_of=tokens.hash_of(presented) if presented else None,
        )
        if not started:
            raise _refused()
        log.info("session.started", account=session.account_id, session=session.id)
        return NewSession(known.account.shown(), session.shown(current=True), token)

    async def _extend(self, living: LivingSession, now: datetime) -> None:
        try:
            await self._store.extend_session(living.id, now + LIFETIME)
        except Unavailable as error:
            # Whoever only reads must not fail because nothing can be written; the next request tries again.
            log.warning("session.not_extended", session=living.id, reason=repr(error.__cause__))


def _refused() -> Unauthenticated:
    """One body for an unknown address and for a wrong password."""
    return Unauthenticated("The address or the password is wrong.")
