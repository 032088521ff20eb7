"""SQL statements for an owner's share links."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.share_links.schema.tables import share_links
from darkroom_shared.ids import AlbumId, ShareId
from darkroom_shared.sharing import MAX_SHARES, Share

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


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A link with the hashes of its token and password, which are stored in the database only."""

    id: ShareId
    album_id: AlbumId
    token_hash: str
    password_hash: str | None
    label: str
    download_allowed: bool
    version: int
    created_at: datetime
    expires_at: datetime | None

    def to_wire(self) -> Share:
        return Share(
            id=self.id,
            album_id=self.album_id,
            label=self.label,
            created_at=self.created_at,
            expires_at=self.expires_at,
            password_needed=self.password_hash is not None,
            download_allowed=self.download_allowed,
            version=self.version,
        )


class ShareStore:
    """Each method is one step of a transaction; one that changes a link has locked its album."""

    async def count(self, connection: AsyncConnection, album: AlbumId) -> int:
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
        return [ShareRow(**rows) for rows in (await connection.execute(statement.limit(MAX_SHARES))).mappings()]

    async def get(self, connection: AsyncConnection, album: AlbumId, share: ShareId) -> ShareRow | None:
        statement = select(*_ROW).where(share_links.c.id == share, share_links.c.album_id == album)
        row = (await connection.execute(statement)).mappings().first()
        return ShareRow(**row) if row else None

    async def put(self, connection: AsyncConnection, row: ShareRow) -> None:
        await connection.execute(update(share_links).where(share_links.c.id == row.id).values(_values(row)))

    async def remove(self, connection: AsyncConnection, share: ShareId) -> None:
        await connection.execute(delete(share_links).where(share_links.c.id == share))


def _values(row: ShareRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in _ROW}
