"""SQL statements of the one-time link for the first administrator."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accounts.schema.tables import administrator_links
from app.accounts.store.accounts import EVER_AN_ACCOUNT
from app.stores.aurora import Database

THE_ONE = 1
"""The id of the only row: a new link replaces the previous one."""


class AdministratorLinkStore:
    """A method with a `connection` parameter runs in its caller's transaction; the others run in their own.

    Raises Unavailable if the database is unavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, token_hash: str, expires_at: datetime) -> bool:
        """Store the link instead of the previous one. Returns False, and stores none, if any account ever existed.

        Raises Conflict if another transaction was first.
        """
        async with self._database.writer.write() as connection:
            if await connection.scalar(select(EVER_AN_ACCOUNT)):
                return False
            await connection.execute(delete(administrator_links))
            await connection.execute(
                insert(administrator_links).values(id=THE_ONE, token_hash=token_hash, expires_at=expires_at)
            )
        return True

    async def is_valid(self, token_hash: str, now: datetime) -> bool:
        """Return whether the link of this token would make an account now, read from the writer."""
        valid = exists(select(administrator_links.c.id).where(_is_valid(token_hash, now)))
        async with self._database.writer.read() as connection:
            return bool(await connection.scalar(select(valid)))

    async def use(self, connection: AsyncConnection, token_hash: str, now: datetime) -> bool:
        """Delete the link. Returns False if it is not valid any more."""
        return (await connection.execute(delete(administrator_links).where(_is_valid(token_hash, now)))).rowcount == 1


def _is_valid(token_hash: str, now: datetime) -> ColumnElement[bool]:
    links = administrator_links.c
    return and_(links.token_hash == token_hash, links.expires_at > now, ~EVER_AN_ACCOUNT)
