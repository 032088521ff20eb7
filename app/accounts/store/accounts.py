"""SQL statements of accounts and their sessions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema.tables import accounts, closed_accounts, sessions
from app.accounts.schema.values import AccountRow, Credentials, KnownSession, SessionRow
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId, SessionId

MAX_SESSIONS = 100
"""Maximum per account; one more ends the oldest."""

EVER_AN_ACCOUNT = exists(select(accounts.c.id)) | exists(select(closed_accounts.c.id))
_ACCOUNT = (accounts.c.id, accounts.c.email, accounts.c.administrator, accounts.c.created_at, accounts.c.name)
_SESSION = (sessions.c.id, sessions.c.account_id, sessions.c.label, sessions.c.created_at, sessions.c.expires_at)


class AccountStore:
    """A method with a `connection` parameter runs in its caller's transaction; the others run in their own.

    Raises Unavailable if the database is unavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_account(
        self, connection: AsyncConnection, account: AccountRow, password_hash: str, *, first_is_administrator: bool
    ) -> AccountRow:
        """Insert the account and return the stored row.

        Raises Conflict at the end of the transaction if the address is taken; on MySQL also if another account became
        the first one meanwhile.
        """
        first = not await connection.scalar(select(EVER_AN_ACCOUNT))
        added = replace(account, administrator=account.administrator or (first and first_is_administrator))
        await self._insert(connection, added, password_hash, first=first)
        return added

    async def add_first(self, connection: AsyncConnection, account: AccountRow, password_hash: str) -> None:
        """Insert the account as the first one. Raises Conflict at the end of the transaction if another one is."""
        await self._insert(connection, account, password_hash, first=True)

    async def _insert(
        self, connection: AsyncConnection, account: AccountRow, password_hash: str, *, first: bool
    ) -> None:
        await connection.execute(
            insert(accounts).values(
                id=account.id,
                email=account.email,
                password_hash=password_hash,
                administrator=account.administrator,
                first=1 if first else None,
                created_at=account.created_at,
            )
        )

    async def has_accounts(self) -> bool:
        """Return whether any account exists or ever existed."""
        async with self._database.writer.read() as connection:
            return bool(await connection.scalar(select(EVER_AN_ACCOUNT)))

    async def load(self, connection: AsyncConnection, requested: Sequence[AccountId]) -> dict[AccountId, AccountRow]:
        """Return the accounts that exist."""
        rows = await connection.execute(select(*_ACCOUNT).where(accounts.c.id.in_(requested)))
        return {row.id: row for row in map(_account, rows.mappings())}

    async def rename(self, connection: AsyncConnection, account: AccountId, name: str | None) -> None:
        """Set the name; None removes it, so that the first part of the address is displayed."""
        await connection.execute(update(accounts).where(accounts.c.id == account).values(name=name))

    async def get_account(self, account: AccountId) -> AccountRow | None:
        """Read from the writer. Returns None if the account is absent or closed."""
        async with self._database.writer.read() as connection:
            row = (await connection.execute(select(*_ACCOUNT).where(accounts.c.id == account))).mappings().first()
        return _account(row) if row else None

    async def get_credentials(self, email: str) -> Credentials | None:
        """Return the account and its password hash, read from the writer; None if no account has this address."""
        statement = select(*_ACCOUNT, accounts.c.password_hash).where(accounts.c.email == email)
        async with self._database.writer.read() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return Credentials(_account(row), row["password_hash"]) if row else None

    async def replace_password_hash(self, account: AccountId, before: str, after: str) -> None:
        """Replace the hash if it still equals `before`."""
        change = (
            update(accounts)
            .where(accounts.c.id == account, accounts.c.password_hash == before)
            .values(password_hash=after)
        )
        async with self._database.writer.write() as connection:
            await connection.execute(change)

    async def set_password(self, connection: AsyncConnection, email: str, password_hash: str) -> AccountId | None:
        """Set the password and return the account. Returns None if no account has this address."""
        owner = select(accounts.c.id).where(accounts.c.email == email).with_for_update()
        account = await connection.scalar(owner)
        if account is None:
            return None
        await connection.execute(update(accounts).where(accounts.c.id == account).values(password_hash=password_hash))
        return AccountId(account)

    async def close_account(
        self, connection: AsyncConnection, account: AccountId, password_hash: str, now: datetime
    ) -> bool:
        """Delete the account's row and insert its tombstone for the erasers. End its sessions first.

        Returns False and changes nothing if the password is no longer the one that was verified.
        """
        is_unchanged = and_(accounts.c.id == account, accounts.c.password_hash == password_hash)
        if (await connection.execute(delete(accounts).where(is_unchanged))).rowcount == 0:
            return False
        await connection.execute(insert(closed_accounts).values(id=account, closed_at=now, next_at=now))
        return True

    async def lock_account(self, connection: AsyncConnection, account: AccountId, password_hash: str) -> bool:
        """Lock the account against changes of its password and sessions until the transaction ends.

        Returns False if the password is no longer the one that was verified.
        """
        is_unchanged = and_(accounts.c.id == account, accounts.c.password_hash == password_hash)
        return await connection.scalar(select(accounts.c.id).where(is_unchanged).with_for_update()) is not None

    async def add_session(self, connection: AsyncConnection, session: SessionRow, token_hash: str) -> None:
        """Insert the session. The hash identifies it; the token itself is not stored."""
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

    async def end_oldest(self, connection: AsyncConnection, account: AccountId, now: datetime) -> list[str]:
        """End the account's expired sessions and the oldest ones, so that at most MAX_SESSIONS - 1 remain. Returns
        the token hashes of the ended sessions."""
        of_account = sessions.c.account_id == account
        ended = await self._end(connection, and_(of_account, sessions.c.expires_at <= now))
        beyond = (
            select(sessions.c.id).where(of_account).order_by(sessions.c.id.desc()).offset(MAX_SESSIONS - 1).limit(1)
        )
        newest_to_end = await connection.scalar(beyond)
        if newest_to_end is not None:
            ended += await self._end(connection, and_(of_account, sessions.c.id <= newest_to_end))
        return ended

    async def load_session(self, connection: AsyncConnection, token_hash: str) -> KnownSession | None:
        """Return the session, even if it has expired."""
        statement = (
            select(sessions.c.id, sessions.c.account_id, accounts.c.administrator, sessions.c.expires_at)
            .join(accounts, accounts.c.id == sessions.c.account_id)
            .where(sessions.c.token_hash == token_hash)
        )
        row = (await connection.execute(statement)).mappings().first()
        return KnownSession(**row) if row else None

    async def is_session_alive(self, session: SessionId, now: datetime) -> bool:
        """Return whether the session exists and has not expired at `now`, read from the writer."""
        is_valid = exists(select(sessions.c.id).where(sessions.c.id == session, sessions.c.expires_at > now))
        async with self._database.writer.read() as connection:
            return bool(await connection.scalar(select(is_valid)))

    async def extend_session(self, connection: AsyncConnection, session: SessionId, expires_at: datetime) -> None:
        """Extend the session. Does nothing if `expires_at` is earlier than the stored time or the session has ended."""
        change = (
            update(sessions)
            .where(sessions.c.id == session, sessions.c.expires_at < expires_at)
            .values(expires_at=expires_at)
        )
        await connection.execute(change)

    async def list_sessions(self, account: AccountId, now: datetime) -> list[SessionRow]:
        """Return the valid sessions, newest first."""
        statement = (
            select(*_SESSION)
            .where(sessions.c.account_id == account, sessions.c.expires_at > now)
            .order_by(sessions.c.id.desc())
            .limit(MAX_SESSIONS)
        )
        async with self._database.writer.read() as connection:
            return [SessionRow(**row) for row in (await connection.execute(statement)).mappings()]

    async def end_session(self, connection: AsyncConnection, account: AccountId, session: SessionId) -> list[str]:
        """End the session and return the hash of its token; empty if the account has no such session."""
        return await self._end(connection, and_(sessions.c.account_id == account, sessions.c.id == session))

    async def end_session_with(self, connection: AsyncConnection, token_hash: str) -> list[str]:
        """End the session of this token and return the hash; empty if there is none."""
        return await self._end(connection, sessions.c.token_hash == token_hash)

    async def end_all_sessions(self, connection: AsyncConnection, account: AccountId) -> list[str]:
        """End all sessions and return the hashes of their tokens."""
        return await self._end(connection, sessions.c.account_id == account)

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Count the account's rows in each table, without its tombstone."""
        async with self._database.writer.read() as connection:
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table).where(of_account)) or 0
                for table, of_account in (
                    (accounts, accounts.c.id == account),
                    (sessions, sessions.c.account_id == account),
                )
            }

    async def _end(self, connection: AsyncConnection, condition: ColumnElement[bool]) -> list[str]:
        """Delete the sessions and return the hashes of their tokens, whose cache keys the caller must invalidate."""
        statement = select(sessions.c.token_hash).where(condition).with_for_update()
        ended = list(await connection.scalars(statement))
        if ended:
            await connection.execute(delete(sessions).where(sessions.c.token_hash.in_(ended)))
        return ended


def _account(row: RowMapping) -> AccountRow:
    return AccountRow(row["id"], row["email"], row["administrator"], row["created_at"], row["name"])
