"""Send exports to their queue and record that they were sent."""

import asyncio

import structlog

from app.exports.schema import ExportRow
from app.exports.service import lifecycle
from app.exports.service.changes import ExportChanges
from app.items.service.queueing import AFTER_COMMIT_SECONDS
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.problems import Problem
from darkroom_shared.times import Clock

log = structlog.get_logger()


class ExportQueue:
    def __init__(self, queues: Queues, changes: ExportChanges, clock: Clock) -> None:
        self._queues, self._changes, self._clock = queues, changes, clock

    async def send(self, row: ExportRow) -> ExportRow:
        """Send the export, then record it. A crash in between causes one refused claim. Raises NotFound if it is
        deleted."""
        body = {"account_id": row.account_id, "export_id": row.export_id}
        await self._queues.send(EXPORTS_QUEUE, body, group=row.account_id)
        return await self._changes.apply(
            row.account_id, row.export_id, lambda current: lifecycle.mark_sent(current, self._clock())
        )

    async def send_after_commit(self, row: ExportRow) -> ExportRow:
        """Send like `send`, but only log a failure: the row is queued, and the sweeper sends rows without `sent_at`."""
        try:
            async with asyncio.timeout(AFTER_COMMIT_SECONDS):
                return await self.send(row)
        except (Problem, TimeoutError) as problem:
            log.warning("send.postponed", export=row.export_id, reason=str(problem))
            return row
