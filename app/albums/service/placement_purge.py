"""Purge of rows that are no longer visible: placements of deleted or left albums, expired invitations."""

import structlog

from app.access.store.placement_purge import PlacementPurge, PlacementPurgeStore
from app.albums.store.invitations import InvitationStore
from app.jobs.isolation import isolate
from app.stores.aurora import Database
from darkroom_shared.times import Clock

log = structlog.get_logger()

PURGES_PER_RUN = 20
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

    async def purge(self) -> None:
        """Complete due purges until PURGES_PER_RUN are done or none is left. One that fails does not block later ones;
        the next run repeats it."""
        completed, last = 0, 0
        while completed < PURGES_PER_RUN:
            async with self._database.writer.read() as connection:
                due = await self._store.due(connection, last, PURGES_PER_RUN - completed)
            if not due:
                return
            last = due[-1].id
            for purge in due:
                completed += await isolate(self._complete(purge), "placement_purge", purge=purge.id)

    async def delete_expired_invitations(self) -> None:
        """Delete a bounded number of them; the next run continues."""
        async with self._database.writer.write() as connection:
            await self._invitations.delete_expired(connection, self._clock(), ROWS_PER_STEP)

    async def _complete(self, purge: PlacementPurge) -> None:
        removed = 0
        while True:
            async with self._database.writer.write() as connection:
                count = await self._store.delete_some(connection, purge, ROWS_PER_STEP)
                if count < ROWS_PER_STEP:
                    await self._store.done(connection, purge)
            removed += count
            if count < ROWS_PER_STEP:
                if removed:
                    log.info("placements.purged", album=purge.album_id, placements=removed)
                return
