"""Send exports to their queue and record that they were sent."""

from app.exports.schema import ExportRow
from app.exports.service import lifecycle
from app.exports.service.changes import ExportChanges
from app.jobs.queueing import delay_seconds, send_after_commit
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.times import Clock


class ExportQueue:
    """Sends queued exports to the workers."""

    def __init__(self, queues: Queues, changes: ExportChanges, clock: Clock) -> None:
        self._queues, self._changes, self._clock = queues, changes, clock

    async def send(self, row: ExportRow) -> ExportRow:
        """Send the export, then record it. A crash in between causes one refused claim. Raises NotFound if it is
        deleted."""
        body = {"account_id": row.account_id, "export_id": row.export_id}
        delay = delay_seconds(row.not_before, self._clock())
        await self._queues.send(EXPORTS_QUEUE, body, group=row.account_id, delay_seconds=delay)
        return await self._changes.apply(
            row.account_id, row.export_id, lambda current: lifecycle.mark_sent(current, self._clock())
        )

    async def send_after_commit(self, row: ExportRow) -> ExportRow:
        """Send like `send`, but only log a failure: the row is queued, and the sweeper sends rows without `sent_at`."""
        return await send_after_commit(self.send, row, export=row.export_id)
