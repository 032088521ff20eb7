"""An erased account's rows that no album refers to: placements, purges, offers, accepted invitations."""

from app.access.store.placement_purge import PlacementPurgeStore
from app.albums.store.invitations import InvitationStore
from app.albums.store.transfers import TransferStore
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId

ROWS_PER_STEP = 1_000


class RemainingRows:
    def __init__(
        self, *, database: Database, purge: PlacementPurgeStore, invitations: InvitationStore, transfers: TransferStore
    ) -> None:
        self._database, self._purge = database, purge
        self._invitations, self._transfers = invitations, transfers

    async def count(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        async with self._database.writer.read() as connection:
            counts = await self._purge.count_rows(connection, account)
            counts |= await self._invitations.count_rows(connection, account)
            return counts | await self._transfers.count_rows(connection, account)

    async def delete(self, account: AccountId) -> int:
        """Delete a bounded number of rows and return it. No cached value depends on them."""
        async with self._database.writer.write() as connection:
            return (
                await self._purge.remove_rows_of(connection, account, ROWS_PER_STEP)
                + await self._transfers.delete_offers_to(connection, account)
                + await self._invitations.delete_accepted_by(connection, account)
            )
