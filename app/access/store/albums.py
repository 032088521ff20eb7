"""SQL statements for albums; a transaction that changes an album locks it first, so changes are serialized."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.tables import album_members, albums, placement_purges
from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.store.access import ALBUM_COLUMNS, album_row
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId


class AlbumStore:
    """Each method is one step of the caller's transaction."""

    async def add(self, connection: AsyncConnection, album: AlbumRow) -> None:
        """Insert the album. Raises Conflict at the end of the transaction if its id is taken."""
        values = {column.name: getattr(album, column.name) for column in ALBUM_COLUMNS}
        await connection.execute(insert(albums).values(values))

    async def lock(self, connection: AsyncConnection, album: AlbumId) -> AlbumRow | None:
        """Return the album, locked until this transaction ends."""
        statement = select(*ALBUM_COLUMNS).where(albums.c.id == album).with_for_update()
        row = (await connection.execute(statement)).mappings().first()
        return album_row(dict(row)) if row else None

    async def access(self, connection: AsyncConnection, album: AlbumId, account: AccountId) -> AlbumAccess | None:
        """As `lock`, with the account's role. Returns None if the album is absent or the account is not a member."""
        row = await self.lock(connection, album)
        statement = select(album_members.c.role).where(
            album_members.c.album_id == album, album_members.c.account_id == account
        )
        role = await connection.scalar(statement) if row else None
        return AlbumAccess(row, Role(role)) if row and role else None

    async def page(
        self, connection: AsyncConnection, account: AccountId, after: str | None, limit: int
    ) -> list[AlbumAccess]:
        """Return own and joined albums, newest first."""
        statement = (
            select(*ALBUM_COLUMNS, album_members.c.role)
            .join(album_members, album_members.c.album_id == albums.c.id)
            .where(album_members.c.account_id == account)
            .order_by(album_members.c.album_id.desc())
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(album_members.c.album_id < after)
        rows = (dict(row) for row in (await connection.execute(statement)).mappings())
        return [AlbumAccess(role=Role(row.pop("role")), album=album_row(row)) for row in rows]

    async def change(
        self, connection: AsyncConnection, album: AlbumRow, values: Mapping[str, object], *, expected: int | None
    ) -> bool:
        """Set columns of the album. Returns False and changes nothing if `expected` is not the album's version."""
        change = update(albums).where(albums.c.id == album.id).values(dict(values))
        if expected is not None:
            change = change.where(albums.c.version == expected)
        return (await connection.execute(change)).rowcount == 1

    async def remove(self, connection: AsyncConnection, album: AlbumRow) -> None:
        """Delete the album with its members, invitations and links; its placements are hidden now and purged later."""
        await connection.execute(delete(albums).where(albums.c.id == album.id))
        await self.record_purge(connection, album, None)

    async def record_purge(self, connection: AsyncConnection, album: AlbumRow, owner: AccountId | None) -> None:
        """Schedule the purge of the items that `owner`, or any account if None, has added up to now."""
        purge = {"album_id": album.id, "owner_id": owner, "up_to_version": album.items_version}
        await connection.execute(insert(placement_purges).values(purge))

    async def members(self, connection: AsyncConnection, album: AlbumId) -> list[AccountId]:
        """Return the accounts of all members, the owner included, in no particular order."""
        statement = select(album_members.c.account_id).where(album_members.c.album_id == album)
        return [AccountId(account) for account in await connection.scalars(statement)]
