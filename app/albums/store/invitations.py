"""SQL statements for invitations."""

from datetime import datetime

from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.schema.tables import invitations
from app.albums.schema.values import InvitationRow
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId, InvitationId

_INVITATION = (
    invitations.c.id,
    invitations.c.album_id,
    invitations.c.role,
    invitations.c.label,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.accepted_by,
)


class InvitationStore:
    """Each method is one step of the caller's transaction."""

    async def add(self, connection: AsyncConnection, invitation: InvitationRow, token_hash: str) -> None:
        """Insert the invitation. The hash identifies it; the token itself is not stored."""
        values = {column.name: getattr(invitation, column.name) for column in _INVITATION}
        await connection.execute(insert(invitations).values(values | {"token_hash": token_hash}))

    async def with_token(self, connection: AsyncConnection, token_hash: str) -> InvitationRow | None:
        """Return the invitation, also if it is used or expired."""
        statement = select(*_INVITATION).where(invitations.c.token_hash == token_hash)
        row = (await connection.execute(statement)).mappings().first()
        return _row(row) if row else None

    async def page(
        self, connection: AsyncConnection, album: AlbumId, after: str | None, now: datetime, limit: int
    ) -> list[InvitationRow]:
        """Return the open ones, newest first."""
        statement = _open(select(*_INVITATION), album, now).order_by(invitations.c.id.desc()).limit(limit)
        if after is not None:
            statement = statement.where(invitations.c.id < after)
        return [_row(row) for row in (await connection.execute(statement)).mappings()]

    async def count(self, connection: AsyncConnection, album: AlbumId, now: datetime) -> int:
        """Count the open ones."""
        return await connection.scalar(_open(select(func.count()).select_from(invitations), album, now)) or 0

    async def use(
        self, connection: AsyncConnection, invitation: InvitationId, account: AccountId, now: datetime
    ) -> bool:
        """Return False if the invitation is used or expired."""
        change = update(invitations).where(
            invitations.c.id == invitation, invitations.c.accepted_by.is_(None), invitations.c.expires_at > now
        )
        return (await connection.execute(change.values(accepted_by=account))).rowcount == 1

    async def revoke(self, connection: AsyncConnection, album: AlbumId, invitation: InvitationId) -> bool:
        """Return False if the album has no such unused invitation."""
        statement = delete(invitations).where(
            invitations.c.album_id == album, invitations.c.id == invitation, invitations.c.accepted_by.is_(None)
        )
        return (await connection.execute(statement)).rowcount == 1

    async def revoke_all(self, connection: AsyncConnection, album: AlbumId) -> int:
        """Return the number of deleted ones. Used ones stay, so that a member can accept again without an error."""
        statement = delete(invitations).where(invitations.c.album_id == album, invitations.c.accepted_by.is_(None))
        return (await connection.execute(statement)).rowcount

    async def delete_expired(self, connection: AsyncConnection, now: datetime, limit: int) -> int:
        """Delete at most `limit` expired invitations, used or not; return their number."""
        statement = select(invitations.c.id).where(invitations.c.expires_at <= now).limit(limit)
        expired = list(await connection.scalars(statement))
        if expired:
            await connection.execute(delete(invitations).where(invitations.c.id.in_(expired)))
        return len(expired)

    async def delete_accepted_by(self, connection: AsyncConnection, account: AccountId) -> int:
        """Return the number of deleted rows."""
        return (await connection.execute(delete(invitations).where(invitations.c.accepted_by == account))).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows."""
        statement = select(func.count()).select_from(invitations).where(invitations.c.accepted_by == account)
        return {invitations.name: await connection.scalar(statement) or 0}


def _open(requested: Select[*tuple[object, ...]], album: AlbumId, now: datetime) -> Select[*tuple[object, ...]]:
    return requested.where(
        invitations.c.album_id == album, invitations.c.accepted_by.is_(None), invitations.c.expires_at > now
    )


def _row(row: RowMapping) -> InvitationRow:
    return InvitationRow(**{**row, "role": Role(row["role"])})
