"""SQL statements that purge invisible rows, a bounded number each."""

from dataclasses import dataclass

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.tables import album_items, album_members, albums, placement_purges
from darkroom_shared.ids import AccountId, AlbumId


@dataclass(frozen=True, slots=True)
class PlacementPurge:
    """The items that `owner_id`, or any account if None, added to an album up to its version `up_to_version`."""

    id: int
    album_id: AlbumId
    owner_id: AccountId | None
    up_to_version: int


class PlacementPurgeStore:
    """Each method is one step of the caller's transaction."""

    async def due(self, connection: AsyncConnection, after: int, limit: int) -> list[PlacementPurge]:
        """Return those with an id above `after`, the oldest first."""
        columns = (
            placement_purges.c.id,
            placement_purges.c.album_id,
            placement_purges.c.owner_id,
            placement_purges.c.up_to_version,
        )
        statement = select(*columns).where(placement_purges.c.id > after).order_by(placement_purges.c.id).limit(limit)
        rows = await connection.execute(statement)
        return [PlacementPurge(*row) for row in rows]

    async def delete_some(self, connection: AsyncConnection, purge: PlacementPurge, limit: int) -> int:
        """Delete at most `limit` placements; return their number. Idempotent."""
        is_purged = and_(album_items.c.album_id == purge.album_id, album_items.c.added_version <= purge.up_to_version)
        if purge.owner_id is not None:
            is_purged = and_(is_purged, album_items.c.owner_id == purge.owner_id)
        rows = list(await connection.scalars(select(album_items.c.item_id).where(is_purged).limit(limit)))
        if rows:
            await connection.execute(delete(album_items).where(is_purged, album_items.c.item_id.in_(rows)))
        return len(rows)

    async def done(self, connection: AsyncConnection, purge: PlacementPurge) -> None:
        """Delete the purge after its last placement. Idempotent."""
        await connection.execute(delete(placement_purges).where(placement_purges.c.id == purge.id))

    async def remove_rows_of(self, connection: AsyncConnection, account: AccountId, limit: int) -> int:
        """Delete at most `limit` of the account's placements, or, if none is left, its purges; return their number."""
        of_account = album_items.c.owner_id == account
        columns = select(album_items.c.album_id, album_items.c.item_id).where(of_account)
        rows = [tuple(row) for row in await connection.execute(columns.limit(limit))]
        if rows:
            is_selected = tuple_(album_items.c.album_id, album_items.c.item_id).in_(rows)
            await connection.execute(delete(album_items).where(is_selected))
            return len(rows)
        statement = delete(placement_purges).where(placement_purges.c.owner_id == account)
        return (await connection.execute(statement)).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        counted = {
            albums: albums.c.owner_id == account,
            album_members: album_members.c.account_id == account,
            album_items: album_items.c.owner_id == account,
            placement_purges: placement_purges.c.owner_id == account,
        }
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
            for table, condition in counted.items()
        }
