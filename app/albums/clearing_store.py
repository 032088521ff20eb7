"""The statements that remove what shows no more, a bounded number of rows each."""

from dataclasses import dataclass

from sqlalchemy import and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.schema import album_clearings
from app.sharing.schema import album_items
from shared.ids import AccountId, AlbumId


@dataclass(frozen=True, slots=True)
class Clearing:
    """What `owner_id` put into an album up to a version of it; without an owner all that lies there."""

    id: int
    album_id: AlbumId
    owner_id: AccountId | None
    up_to_version: int


class ClearingStore:
    """Each method is one step of a transaction on the connection that it is given."""

    async def due(self, connection: AsyncConnection, limit: int) -> list[Clearing]:
        """The oldest first."""
        columns = (
            album_clearings.c.id,
            album_clearings.c.album_id,
            album_clearings.c.owner_id,
            album_clearings.c.up_to_version,
        )
        found = await connection.execute(select(*columns).order_by(album_clearings.c.id).limit(limit))
        return [Clearing(*row) for row in found]

    async def clear(self, connection: AsyncConnection, clearing: Clearing, limit: int) -> int:
        """Removes at most that many placements; says how many those were. Once none is left it finds none."""
        lost = and_(album_items.c.album_id == clearing.album_id, album_items.c.added_version <= clearing.up_to_version)
        if clearing.owner_id is not None:
            lost = and_(lost, album_items.c.owner_id == clearing.owner_id)
        found = list(await connection.scalars(select(album_items.c.item_id).where(lost).limit(limit)))
        if found:
            await connection.execute(delete(album_items).where(lost, album_items.c.item_id.in_(found)))
        return len(found)

    async def done(self, connection: AsyncConnection, clearing: Clearing) -> None:
        await connection.execute(delete(album_clearings).where(album_clearings.c.id == clearing.id))
