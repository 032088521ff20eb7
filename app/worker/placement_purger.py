"""The loop that purges placements which albums no longer show, and old unread marks."""

import asyncio

import structlog

from app.albums.service.placement_purge import PlacementPurgeService
from app.comments.service.unread_expiry import UnreadExpiry
from app.jobs.loop import run_periodically

log = structlog.get_logger()

CLEAR_SECONDS = 5.0


class PlacementPurger:
    def __init__(self, purge: PlacementPurgeService, unread_expiry: UnreadExpiry) -> None:
        self._purge, self._unread_expiry = purge, unread_expiry

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("clearer", CLEAR_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        removed = await self._purge.clear()
        await self._unread_expiry.expire()
        if removed:
            log.info("albums.cleared", placements=removed)
