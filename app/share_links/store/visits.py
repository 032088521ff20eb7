"""SQL statements that read a visitor's share link."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.share_links.schema.links import ShareLink, lock_of
from app.share_links.schema.tables import share_links
from darkroom_shared.ids import AlbumId, ShareId

_LINK = (
    share_links.c.id,
    share_links.c.album_id,
    share_links.c.download_allowed,
    share_links.c.expires_at,
    share_links.c.password_hash,
)


class VisitStore:
    """Each method is one statement on the caller's connection. Raises Unavailable, as the database does."""

    async def with_token(self, connection: AsyncConnection, token_hash: str) -> ShareLink | None:
        """Return the link, also if it has expired: the caller must check that."""
        return await self._first(connection, share_links.c.token_hash == token_hash)

    async def get(self, connection: AsyncConnection, share: ShareId) -> ShareLink | None:
        """As `with_token`."""
        return await self._first(connection, share_links.c.id == share)

    async def password_hash(self, connection: AsyncConnection, share: ShareId) -> str | None:
        """Return None if the link is absent or has no password."""
        row: str | None = await connection.scalar(select(share_links.c.password_hash).where(share_links.c.id == share))
        return row

    async def _first(self, connection: AsyncConnection, condition: ColumnElement[bool]) -> ShareLink | None:
        row = (await connection.execute(select(*_LINK).where(condition))).mappings().first()
        if row is None:
            return None
        return ShareLink(
            ShareId(row["id"]),
            AlbumId(row["album_id"]),
            row["download_allowed"],
            row["expires_at"],
            lock_of(row["password_hash"]),
        )
