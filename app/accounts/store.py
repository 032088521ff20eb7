"""The statements of accounts and their sessions. Each method is one transaction."""

from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema import accounts, closed_accounts, sessions
from app.accounts.values import AccountRow, Credentials, LivingSession, SessionRow
from app.stores.aurora import Conflict, Database
from shared.ids import AccountId, SessionId

MOST_SESSIONS = 100
"""Of one account; one more ends the oldest."""

_ACCOUNT = (accounts.c.id, accounts.c.email, accounts.c.administrator, accounts.c.created_at)
_SESSION = (sessions.c.id, sessions.c.account_id, sessions.c.label, sessions.c.created_at, sessions.c.expires_at)


class AccountStore:
    """Raises Unavailable, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_account(
        self, account: AccountRow, password_hash: str, *, first_is_administrator: bool
    ) -> AccountRow | None:
        """The account as it was written; None when its address is taken."""
        try:
            return await self._add(account, password_hash, first_is_administrator)
        except Conflict:
            # The address is taken; or, on MySQL, somebody else became the first account meanwhile.
            if await self.get_credentials(account.email) is not None:
                return None
        try:
            return await self._add(account, password_hash, first_is_administrator)
        except Conflict:
            return None

    async def _add(self, account: AccountRow, password_hash: str, first_is_administrator: bool) -> AccountRow:
        async with self._database.writer.write() as connection:
            ever = exists(select(accounts.c.id)) | exists(select(closed_accounts.c.id))
            first = not await connection.scalar(select(ever))
            administrator = account.administrator or (first and first_is_administrator)
            await connection.execute(
                insert(accounts).values(
                    id=account.id,
                    email=account.email,
                    password_hash=password_hash,
                    administrator=administrator,
                    first=1 if first else None,
                    created_at=account.created_at,
                )
            )
        return AccountRow(account.id, account.email, administrator, account.created_at)

    async def get_account(self, account: AccountId) -> AccountRow | None:
        async with self._database.writer.read() as connection:
            found = (await connection.execute(select(*_ACCOUNT).where(accounts.c.id == account))).mappings().first()
        return _account(found) if found else None

    async def get_credentials(self, email: str) -> Credentials | None:
        wanted = select(*_ACCOUNT, accounts.c.password_hash).where(accounts.c.email == email)
        async with self._database.writer.read() as connection:
            found = (await connection.execute(wanted)).mappings().first()
        return Credentials(_account(found), found["password_hash"]) if found else None

    async def replace_password_hash(self, account: AccountId, before: str, after: str) -> None:
        """Nothing changes when the hash is no longer `before`."""
        change = (
            update(accounts)
            .where(accounts.c.id == account, accounts.c.password_hash == before)
            .values(password_hash=after)
        )
        async with self._database.writer.write() as connection:
            await connection.execute(change)

    async def set_password(self, email: str, password_hash: str) -> bool:
        """Also ends all sessions of the account. False when nobody has this address."""
        owner = select(accounts.c.id).where(accounts.c.email == email)
        async with self._database.writer.write() as connection:
            account = await connection.scalar(owner)
            if account is None:
                return False
            await connection.execute(
                update(accounts).where(accounts.c.id == account).values(password_hash=password_hash)
            )
            await connection.execute(delete(sessions).where(sessions.c.account_id == account))
        return True

    async def close_account(self, account: AccountId, password_hash: str, now: datetime) -> bool:
        """Forgets address, password and sessions, and leaves the account to the erasers.

        False, and nothing changed, when the account's password is no longer the one that was checked.
        """
        mine = and_(accounts.c.id == account, accounts.c.password_hash == password_hash)
        async with self._database.writer.write() as connection:
            if (await connection.execute(delete(accounts).where(mine))).rowcount == 0:  # its sessions go with it
                return False
            await connection.execute(insert(closed_accounts).values(id=account, closed_at=now, next_at=now))
        return True

    async def add_session(
        self, session: SessionRow, token_hash: str, *, password_hash: str, instead_of: str | None
    ) -> bool:
        """Ends the session with the token hash `instead_of`, the account's lapsed ones, and the oldest beyond the most.

        False, and nothing changed, when the account's password is no longer the one that was checked.
        """
        async with self._database.writer.write() as connection:
            checked = select(accounts.c.id).where(
                accounts.c.id == session.account_id, accounts.c.password_hash == password_hash
            )
            # Locked, so that a new password, which ends all sessions, comes wholly before or wholly after.
            if await connection.scalar(checked.with_for_update()) is None:
                return False
            if instead_of is not None:
                await connection.execute(delete(sessions).where(sessions.c.token_hash == instead_of))
            await self._make_room(connection, session.account_id, session.created_at)
            await connection.execute(
                insert(sessions).values(
                    id=session.id,
                    account_id=session.account_id,
                    token_hash=token_hash,
                    label=session.label,
                    created_at=session.created_at,
                    expires_at=session.expires_at,
                )
            )
        return True

    async def _make_room(self, connection: AsyncConnection, account: AccountId, now: datetime) -> None:
        mine = sessions.c.account_id == account
        await connection.execute(delete(sessions).where(mine, sessions.c.expires_at <= now))
        beyond = select(sessions.c.id).where(mine).order_by(sessions.c.id.desc()).offset(MOST_SESSIONS - 1).limit(1)
        newest_to_end = await connection.scalar(beyond)
        if newest_to_end is not None:
            await connection.execute(delete(sessions).where(mine, sessions.c.id <= newest_to_end))

    async def get_living_session(self, token_hash: str, now: datetime) -> LivingSession | None:
        wanted = (
            select(sessions.c.id, sessions.c.account_id, accounts.c.administrator, sessions.c.expires_at)
            .join(accounts, accounts.c.id == sessions.c.account_id)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
        )
        async with self._database.writer.read() as connection:
            found = (await connection.execute(wanted)).mappings().first()
        return LivingSession(**found) if found else None

    async def is_session_alive(self, session: SessionId, now: datetime) -> bool:
        living = exists(select(sessions.c.id).where(sessions.c.id == session, sessions.c.expires_at > now))
        async with self._database.writer.read() as connection:
            return bool(await connection.scalar(select(living)))

    async def extend_session(self, session: SessionId, expires_at: datetime) -> None:
        """Never to an earlier moment; a session that ended meanwhile stays ended."""
        change = (
            update(sessions)
            .where(sessions.c.id == session, sessions.c.expires_at < expires_at)
            .values(expires_at=expires_at)
        )
        async with self._database.writer.write() as connection:
            await connection.execute(change)

    async def list_sessions(self, account: AccountId, now: datetime) -> list[SessionRow]:
        """The living ones, newest first."""
        wanted = (
            select(*_SESSION)
            .where(sessions.c.account_id == account, sessions.c.expires_at > now)
            .order_by(sessions.c.id.desc())
            .limit(MOST_SESSIONS)
        )
        async with self._database.writer.read() as connection:
            return [SessionRow(**found) for found in (await connection.execute(wanted)).mappings()]

    async def end_session(self, account: AccountId, session: SessionId) -> bool:
        """False when the account has no such session."""
        return await self._end(and_(sessions.c.account_id == account, sessions.c.id == session)) > 0

    async def end_all_sessions(self, account: AccountId) -> None:
        await self._end(sessions.c.account_id == account)

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """How many rows each table has of the account; its tombstone is none of it."""
        async with self._database.writer.read() as connection:
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table).where(mine)) or 0
                for table, mine in ((accounts, accounts.c.id == account), (sessions, sessions.c.account_id == account))
            }

    async def _end(self, condition: ColumnElement[bool]) -> int:
        async with self._database.writer.write() as connection:
            return (await connection.execute(delete(sessions).where(condition))).rowcount


def _account(found: RowMapping) -> AccountRow:
    return AccountRow(found["id"], found["email"], found["administrator"], found["created_at"])
