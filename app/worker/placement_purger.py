"""The loop that purges placements that no longer grant access, and old unread marks."""

import asyncio

import structlog

from app.albums.service.placement_purge import PlacementPurgeService
from app.comments.service.unread_expiry import UnreadExpiry
from app.jobs.loop import run_periodically

log = structlog.get_logger()

PURGE_SECONDS = 5.0


class PlacementPurger:
    """Deletes placements that no longer grant access, and old marks of unread comments."""

    def __init__(self, purge: PlacementPurgeService, unread_expiry: UnreadExpiry) -> None:
        self._purge, self._unread_expiry = purge, unread_expiry

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("placement_purger", PURGE_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Run both purges once, each in short transactions."""
        removed = await self._purge.purge()
        await self._unread_expiry.expire()
        if removed:
            log.info("placements.purged", placements=removed)
