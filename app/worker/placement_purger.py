"""The loop that purges placements which albums no longer show."""

import asyncio

import structlog

from app.albums.service.placement_purge import PlacementPurgeService
from app.worker.scheduler import run_periodically

log = structlog.get_logger()

CLEAR_SECONDS = 5.0


class PlacementPurger:
    def __init__(self, purge: PlacementPurgeService) -> None:
        self._purge = purge

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("clearer", CLEAR_SECONDS, stopping, self.process, shards=1)

    async def process(self, _shard: int = 0) -> None:
        removed = await self._purge.clear()
        if removed:
            log.info("albums.cleared", placements=removed)
