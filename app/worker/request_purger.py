"""The loop that deletes the records of relational requests after the time in which they may be repeated."""

import asyncio

from app.events.service.requests import RelationalRequests
from app.jobs.loop import run_periodically
from app.stores.aurora import Database

PURGE_SECONDS = 60.0
ROWS_PER_BATCH = 500


class ExpiredRequestPurger:
    """Deletes records of idempotent requests after their retention."""

    def __init__(self, database: Database, requests: RelationalRequests) -> None:
        self._database, self._requests = database, requests

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("requests", PURGE_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Delete in batches, each in a short transaction."""
        deleted = ROWS_PER_BATCH
        while deleted == ROWS_PER_BATCH:
            async with self._database.writer.write() as connection:
                deleted = await self._requests.delete_expired(connection, ROWS_PER_BATCH)
