"""Send items to the queue of their lane and record that they were sent."""

from app.items.schema.row import ItemRow, Lane
from app.items.service import lifecycle
from app.items.service.changes import ItemChanges
from app.jobs.queueing import delay_seconds, send_after_commit
from app.stores.resources import BULK_QUEUE, EXPRESS_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock

QUEUES = {Lane.EXPRESS: EXPRESS_QUEUE, Lane.BULK: BULK_QUEUE}


class WorkQueue:
    """Sends queued items to the workers' lanes."""

    def __init__(self, queues: Queues, changes: ItemChanges, clock: Clock) -> None:
        self._queues, self._changes, self._clock = queues, changes, clock

    async def send(self, row: ItemRow) -> ItemRow:
        """Send the item, then record it. A crash in between causes one refused claim, but never loses an item."""
        await self._queues.send(
            QUEUES[row.lane],
            {"account_id": row.account_id, "item_id": row.item_id},
            group=row.account_id,
            delay_seconds=delay_seconds(row.not_before, self._clock()),
        )
        try:
            return await self._changes.apply(
                row.account_id, row.item_id, lambda current: lifecycle.mark_sent(current, self._clock()), known=row
            )
        except NotFound:
            return row  # erased meanwhile: the claim of this message will be refused

    async def send_after_commit(self, row: ItemRow) -> ItemRow:
        """Send like `send`, but only log a failure: the row is queued, and the sweeper sends rows without `sent_at`."""
        return await send_after_commit(self.send, row, item=row.item_id)
