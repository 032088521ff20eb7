"""Purge of rows that are no longer visible: placements of deleted or left albums, expired invitations."""

from app.access.store.placement_purge import PlacementPurge, PlacementPurgeStore
from app.albums.store.invitations import InvitationStore
from app.stores.aurora import Database
from darkroom_shared.times import Clock

CONCURRENCY = 20
ROWS_PER_STEP = 1_000
"""Per transaction, which then takes about ten milliseconds."""


class PlacementPurgeService:
    """Resumes after a crash; concurrent runs are harmless."""

    def __init__(
        self,
        *,
        database: Database,
        store: PlacementPurgeStore,
        invitations: InvitationStore,
        clock: Clock,
    ) -> None:
        self._database, self._store, self._invitations, self._clock = database, store, invitations, clock

    async def purge(self) -> int:
        """Complete at most CONCURRENCY due purges; return the number of removed placements."""
        async with self._database.writer.read() as connection:
            due = await self._store.due(connection, CONCURRENCY)
        removed = sum([await self._complete(purge) for purge in due])
        async with self._database.writer.write() as connection:
            await self._invitations.delete_expired(connection, self._clock(), ROWS_PER_STEP)
        return removed

    async def _complete(self, purge: PlacementPurge) -> int:
        removed = 0
        while True:
            async with self._database.writer.write() as connection:
                count = await self._store.delete_some(connection, purge, ROWS_PER_STEP)
                if count < ROWS_PER_STEP:
                    await self._store.done(connection, purge)
            removed += count
            if count < ROWS_PER_STEP:
                return removed
