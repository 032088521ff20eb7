"""The loop that forgets which relational requests were answered, once nobody may repeat them any more."""

import asyncio

from app.events.requests import RelationalRequests
from app.stores.aurora import Database
from app.worker.rounds import go_round

FORGET_SECONDS = 60.0
ROWS_AT_ONCE = 500


class Forgetter:
    def __init__(self, database: Database, requests: RelationalRequests) -> None:
        self._database, self._requests = database, requests

    async def run(self, stopping: asyncio.Event) -> None:
        await go_round("requests", FORGET_SECONDS, stopping, self.visit, shards=1)

    async def visit(self, _shard: int = 0) -> None:
        """Page by page, each in a short transaction."""
        forgotten = ROWS_AT_ONCE
        while forgotten == ROWS_AT_ONCE:
            async with self._database.writer.write() as connection:
                forgotten = await self._requests.forget_expired(connection, ROWS_AT_ONCE)
