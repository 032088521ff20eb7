"""SQL statements for transfer offers."""

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.values import AlbumRow
from app.albums.schema.tables import album_transfers
from app.albums.schema.values import TransferRow
from darkroom_shared.ids import AccountId, AlbumId

_TRANSFER = (
    album_transfers.c.album_id,
    album_transfers.c.id,
    album_transfers.c.from_account_id,
    album_transfers.c.to_account_id,
    album_transfers.c.offered_at,
    album_transfers.c.expires_at,
)


class TransferStore:
    """Each method is one step of a transaction; one that changes an offer has locked its album."""

    async def get(self, connection: AsyncConnection, album: AlbumRow) -> TransferRow | None:
        """Return the offer of the album's present owner, also if it has expired."""
        is_offer = (album_transfers.c.album_id == album.id) & (album_transfers.c.from_account_id == album.owner_id)
        row = (await connection.execute(select(*_TRANSFER).where(is_offer))).mappings().first()
        return TransferRow(**row) if row else None

    async def put(self, connection: AsyncConnection, offer: TransferRow) -> None:
        """Replace any other offer of the album."""
        await self.remove(connection, offer.album_id)
        await connection.execute(
            insert(album_transfers).values({column.name: getattr(offer, column.name) for column in _TRANSFER})
        )

    async def remove(self, connection: AsyncConnection, album: AlbumId) -> None:
        """Delete the album's offer. Does nothing if there is none."""
        await connection.execute(delete(album_transfers).where(album_transfers.c.album_id == album))

    async def remove_offer_to(self, connection: AsyncConnection, album: AlbumId, account: AccountId) -> None:
        """Delete the album's offer if it is made to this account."""
        statement = delete(album_transfers).where(
            album_transfers.c.album_id == album, album_transfers.c.to_account_id == account
        )
        await connection.execute(statement)

    async def delete_offers_to(self, connection: AsyncConnection, account: AccountId) -> int:
        """Return the number of deleted rows."""
        statement = delete(album_transfers).where(album_transfers.c.to_account_id == account)
        return (await connection.execute(statement)).rowcount

    async def count_rows(self, connection: AsyncConnection, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows."""
        statement = select(func.count()).select_from(album_transfers).where(album_transfers.c.to_account_id == account)
        return {album_transfers.name: await connection.scalar(statement) or 0}
