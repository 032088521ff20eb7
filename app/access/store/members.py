"""SQL statements for the members of an album."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.tables import album_members
from app.access.schema.values import AlbumRow, MemberRow
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId


class MemberStore:
    """Each method is one step of a transaction that has locked the album."""

    async def add(
        self, connection: AsyncConnection, album: AlbumRow, account: AccountId, role: Role, now: datetime
    ) -> None:
        """Insert the member. Raises Conflict at the end of the transaction if the account is already a member."""
        member = {"album_id": album.id, "account_id": account, "role": role.value, "joined_at": now}
        await connection.execute(insert(album_members).values(since_version=album.items_version, **member))

    async def get(self, connection: AsyncConnection, album: AlbumId, account: AccountId) -> MemberRow | None:
        """Return None if the account is not a member."""
        statement = select(album_members.c.account_id, album_members.c.role, album_members.c.joined_at).where(
            album_members.c.album_id == album, album_members.c.account_id == account
        )
        row = (await connection.execute(statement)).first()
        return MemberRow(row.account_id, Role(row.role), row.joined_at) if row else None

    async def page(self, connection: AsyncConnection, album: AlbumId, after: str | None, limit: int) -> list[MemberRow]:
        """Return members by account id, which is the order of the accounts' creation."""
        statement = (
            select(album_members.c.account_id, album_members.c.role, album_members.c.joined_at)
            .where(album_members.c.album_id == album, album_members.c.account_id > (after or ""))
            .order_by(album_members.c.account_id)
            .limit(limit)
        )
        return [MemberRow(account, Role(role), joined) for account, role, joined in await connection.execute(statement)]

    async def count(self, connection: AsyncConnection, album: AlbumId) -> int:
        """Return the number of members, the owner included."""
        statement = select(func.count()).select_from(album_members).where(album_members.c.album_id == album)
        return await connection.scalar(statement) or 0

    async def give_role(self, connection: AsyncConnection, album: AlbumId, account: AccountId, role: Role) -> None:
        """Set the role. Does nothing if the account is not a member."""
        change = update(album_members).where(album_members.c.album_id == album, album_members.c.account_id == account)
        await connection.execute(change.values(role=role.value))

    async def remove(self, connection: AsyncConnection, album: AlbumId, account: AccountId) -> bool:
        """Return False if the account was no member."""
        is_member = (album_members.c.album_id == album) & (album_members.c.account_id == account)
        statement = delete(album_members).where(is_member)
        return (await connection.execute(statement)).rowcount == 1
