"""The loop that clears away what albums show no more."""

import asyncio

import structlog

from app.albums.clearing import ClearingService
from app.worker.rounds import go_round

log = structlog.get_logger()

CLEAR_SECONDS = 5.0


class Clearer:
    def __init__(self, clearing: ClearingService) -> None:
        self._clearing = clearing

    async def run(self, stopping: asyncio.Event) -> None:
        await go_round("clearer", CLEAR_SECONDS, stopping, self.visit, shards=1)

    async def visit(self, _shard: int = 0) -> None:
        removed = await self._clearing.clear()
        if removed:
            log.info("albums.cleared", placements=removed)
