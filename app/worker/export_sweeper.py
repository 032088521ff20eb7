"""The sweeper of exports."""

import asyncio
from collections.abc import AsyncIterator

from app.exports.service.maintenance import ExportKey, ExportMaintenance
from app.jobs.due_jobs import process_due
from app.jobs.loop import run_periodically, running
from app.stores.resources import SHARDS

SWEEP_SECONDS = 5.0
EXPORT_SECONDS = 15.0
"""Limit of what is due of one export: a few calls of DynamoDB, SQS and S3."""
DELETION_SECONDS = 60.0
"""Limit of deleting one export's file. One call of S3 that does not respond takes 30 s."""


class ExportSweeper:
    """Runs the exports' maintenance in all shards. Files are deleted in a loop of their own, so that deadlines and
    lapsed claims do not wait for S3."""

    def __init__(self, maintenance: ExportMaintenance) -> None:
        self._maintenance = maintenance

    async def run(self, stopping: asyncio.Event) -> None:
        deleting = run_periodically("export_deletions", SWEEP_SECONDS, stopping, self.delete_files, shards=SHARDS)
        async with running(deleting):
            await run_periodically("export_sweeper", SWEEP_SECONDS, stopping, self.process, shards=SHARDS)

    async def process(self, shard: int) -> None:
        """End lapsed claims and overdue exports of the shard, and send lost messages again."""
        await self._process("export_sweeper", self._maintenance.due(shard), EXPORT_SECONDS)

    async def delete_files(self, shard: int) -> None:
        """Delete the shard's exports whose retention has ended."""
        await self._process("export_deletions", self._maintenance.due_deletions(shard), DELETION_SECONDS)

    async def _process(self, loop: str, pages: AsyncIterator[list[ExportKey]], limit_seconds: float) -> None:
        await process_due(
            loop, pages, lambda key: self._maintenance.process(*key), limit_seconds=limit_seconds, names=_names
        )


def _names(key: ExportKey) -> dict[str, str]:
    account, export = key
    return {"account": account, "export": export}
