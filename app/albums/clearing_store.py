"""The statements that remove what shows no more, a bounded number of rows each."""

from dataclasses import dataclass

from sqlalchemy import and_, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.schema import album_clearings, album_transfers, invitations
from app.sharing.schema import album_items, album_members, albums
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

    async def remove_rows_of(self, connection: AsyncConnection, account: AccountId, limit: int) -> int:
        """At most that many of what the account put anywhere, then what is to be cleared of it; how many those were."""
        mine = album_items.c.owner_id == account
        columns = select(album_items.c.album_id, album_items.c.item_id).where(mine)
        found = [tuple(row) for row in await connection.execute(columns.limit(limit))]
        if found:
            named = tuple_(album_items.c.album_id, album_items.c.item_id).in_(found)
            await connection.execute(delete(album_items).where(named))
            return len(found)
        offers = delete(album_transfers).where(album_transfers.c.to_account_id == account)
        gone = delete(album_clearings).where(album_clearings.c.owner_id == account)
        return (await connection.execute(offers)).rowcount + (await connection.execute(gone)).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """How many rows each table has of the account."""
        mine = (
            albums.c.owner_id == account,
            album_members.c.account_id == account,
            album_items.c.owner_id == account,
            album_clearings.c.owner_id == account,
            invitations.c.accepted_by == account,
            album_transfers.c.to_account_id == account,
        )
        counts = {}
        for table, condition in zip(
            (albums, album_members, album_items, album_clearings, invitations, album_transfers), mine, strict=True
        ):
            wanted = select(func.count()).select_from(table).where(condition)
            counts[table.name] = await connection.scalar(wanted) or 0
        return counts
