"""SQL statements for an owner's share links."""

from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.share_links.schema.links import ShareRow
from app.share_links.schema.tables import share_links
from darkroom_shared.ids import AlbumId, ShareId
from darkroom_shared.sharing import MAX_SHARES

_ROW = (
    share_links.c.id,
    share_links.c.album_id,
    share_links.c.token_hash,
    share_links.c.password_hash,
    share_links.c.label,
    share_links.c.download_allowed,
    share_links.c.version,
    share_links.c.created_at,
    share_links.c.expires_at,
)


class ShareLinkStore:
    """Each method is one step of a transaction; one that changes a link has locked its album."""

    async def count(self, connection: AsyncConnection, album: AlbumId) -> int:
        """Count the album's links, expired ones included."""
        statement = select(func.count()).select_from(share_links).where(share_links.c.album_id == album)
        return await connection.scalar(statement) or 0

    async def add(self, connection: AsyncConnection, row: ShareRow) -> None:
        await connection.execute(insert(share_links).values(_values(row)))

    async def remove_all(self, connection: AsyncConnection, album: AlbumId) -> list[ShareRow]:
        """Remove all links of the album and return them."""
        rows = await connection.execute(select(*_ROW).where(share_links.c.album_id == album))
        removed = [ShareRow(**row) for row in rows.mappings()]
        await connection.execute(delete(share_links).where(share_links.c.album_id == album))
        return removed

    async def list(self, connection: AsyncConnection, album: AlbumId) -> list[ShareRow]:
        """Return the newest first."""
        statement = select(*_ROW).where(share_links.c.album_id == album).order_by(share_links.c.id.desc())
        return [ShareRow(**row) for row in (await connection.execute(statement.limit(MAX_SHARES))).mappings()]

    async def get(self, connection: AsyncConnection, album: AlbumId, share: ShareId) -> ShareRow | None:
        """Return None if the link is absent or of another album."""
        statement = select(*_ROW).where(share_links.c.id == share, share_links.c.album_id == album)
        row = (await connection.execute(statement)).mappings().first()
        return ShareRow(**row) if row else None

    async def put(self, connection: AsyncConnection, row: ShareRow) -> None:
        """Replace all fields of the row. Does nothing if the link was revoked."""
        await connection.execute(update(share_links).where(share_links.c.id == row.id).values(_values(row)))

    async def remove(self, connection: AsyncConnection, share: ShareId) -> None:
        """Delete the link. Idempotent."""
        await connection.execute(delete(share_links).where(share_links.c.id == share))


def _values(row: ShareRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _ROW}
