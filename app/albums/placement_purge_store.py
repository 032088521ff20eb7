"""The statements that remove what shows no more, a bounded number of rows each."""

from dataclasses import dataclass

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.schema import album_transfers, invitations, placement_purges
from app.sharing.schema import album_items, album_members, albums
from shared.ids import AccountId, AlbumId


@dataclass(frozen=True, slots=True)
class PlacementPurge:
    """What `owner_id` put into an album up to a version of it; without an owner all that lies there."""

    id: int
    album_id: AlbumId
    owner_id: AccountId | None
    up_to_version: int


class PlacementPurgeStore:
    """Each method is one step of a transaction on the connection that it is given."""

    async def due(self, connection: AsyncConnection, limit: int) -> list[PlacementPurge]:
        """The oldest first."""
        columns = (
            placement_purges.c.id,
            placement_purges.c.album_id,
            placement_purges.c.owner_id,
            placement_purges.c.up_to_version,
        )
        rows = await connection.execute(select(*columns).order_by(placement_purges.c.id).limit(limit))
        return [PlacementPurge(*row) for row in rows]

    async def clear(self, connection: AsyncConnection, purge: PlacementPurge, limit: int) -> int:
        """Removes at most that many placements; says how many those were. Once none is left it finds none."""
        no_longer_counts = and_(
            album_items.c.album_id == purge.album_id, album_items.c.added_version <= purge.up_to_version
        )
        if purge.owner_id is not None:
            no_longer_counts = and_(no_longer_counts, album_items.c.owner_id == purge.owner_id)
        rows = list(await connection.scalars(select(album_items.c.item_id).where(no_longer_counts).limit(limit)))
        if rows:
            await connection.execute(delete(album_items).where(no_longer_counts, album_items.c.item_id.in_(rows)))
        return len(rows)

    async def done(self, connection: AsyncConnection, purge: PlacementPurge) -> None:
        await connection.execute(delete(placement_purges).where(placement_purges.c.id == purge.id))

    async def remove_rows_of(self, connection: AsyncConnection, account: AccountId, limit: int) -> int:
        """At most that many of what the account put anywhere, then what is to be cleared of it; how many those were."""
        mine = album_items.c.owner_id == account
        columns = select(album_items.c.album_id, album_items.c.item_id).where(mine)
        rows = [tuple(row) for row in await connection.execute(columns.limit(limit))]
        if rows:
            named = tuple_(album_items.c.album_id, album_items.c.item_id).in_(rows)
            await connection.execute(delete(album_items).where(named))
            return len(rows)
        offers = delete(album_transfers).where(album_transfers.c.to_account_id == account)
        gone = delete(placement_purges).where(placement_purges.c.owner_id == account)
        return (await connection.execute(offers)).rowcount + (await connection.execute(gone)).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """How many rows each table has of the account."""
        mine = (
            albums.c.owner_id == account,
            album_members.c.account_id == account,
            album_items.c.owner_id == account,
            placement_purges.c.owner_id == account,
            invitations.c.accepted_by == account,
            album_transfers.c.to_account_id == account,
        )
        counts = {}
        for table, condition in zip(
            (albums, album_members, album_items, placement_purges, invitations, album_transfers), mine, strict=True
        ):
            statement = select(func.count()).select_from(table).where(condition)
            counts[table.name] = await connection.scalar(statement) or 0
        return counts
