"""The sweeper of exports."""

import asyncio

from app.exports.service.maintenance import ExportMaintenance
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically
from app.stores.resources import SHARDS

SWEEP_SECONDS = 5.0


class ExportSweeper:
    """Runs the exports' maintenance in all shards."""

    def __init__(self, maintenance: ExportMaintenance) -> None:
        self._maintenance = maintenance

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("export_sweeper", SWEEP_SECONDS, stopping, self.process, shards=SHARDS)

    async def process(self, shard: int) -> None:
        """Process the shard's due exports one after the other; a failure of one does not delay the others."""
        for account, export in await self._maintenance.due(shard):
            await isolate(self._maintenance.process(account, export), "export_sweeper", account=account, export=export)
