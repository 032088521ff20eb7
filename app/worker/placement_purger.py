"""The loop that purges placements that no longer grant access, expired invitations, and old unread marks."""

import asyncio

from app.albums.service.placement_purge import PlacementPurgeService
from app.comments.service.unread_expiry import UnreadExpiry
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically

PURGE_SECONDS = 5.0


class PlacementPurger:
    """Deletes placements that no longer grant access, expired invitations, and old marks of unread comments."""

    def __init__(self, purge: PlacementPurgeService, unread_expiry: UnreadExpiry) -> None:
        self._purge, self._unread_expiry = purge, unread_expiry

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("placement_purger", PURGE_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Run each job once, in short transactions. A failure of one does not affect the others."""
        await isolate(self._purge.purge(), "placements")
        await isolate(self._purge.delete_expired_invitations(), "invitations")
        await isolate(self._unread_expiry.expire(), "unread_marks")
