"""The sweeper's work on items: deadlines, lapsed claims, lost messages, orphaned files, purges."""

from collections.abc import Mapping
from datetime import datetime

from app.items.deletion.service.purge import Purging
from app.items.maintenance.service.cleanup import Cleanup
from app.items.maintenance.service.overdue import OverdueItems
from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.row import ItemRow, Lane
from app.items.service import claims, lifecycle
from app.items.service.queueing import WorkQueue
from app.items.store import ItemStore
from app.jobs.claim import LOST_ATTEMPT_WAITS
from app.jobs.due_jobs import DueJobs
from app.jobs.lapses import Lapses
from app.jobs.queueing import MAX_RESEND_INTERVAL
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemState
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock

ItemKey = tuple[AccountId, ItemId]
MAX_RESEND_AGE = MAX_RESEND_INTERVAL + LOST_ATTEMPT_WAITS[-1]
"""The message of every queued item is sent again within this time."""


class MaintenanceService:
    """The sweeper's work on one item: determines what is due, and calls the service that does it."""

    def __init__(
        self,
        *,
        store: ItemStore,
        queue: WorkQueue,
        overdue: OverdueItems,
        cleanup: Cleanup,
        purging: Purging,
        lapses: Lapses,
        clock: Clock,
    ) -> None:
        self._store, self._queue, self._clock = store, queue, clock
        self._overdue, self._cleanup, self._purging = overdue, cleanup, purging
        self.due_jobs = DueJobs[ItemRow, ItemKey](
            store.due_rows,
            lapses,
            clock,
            key_of=lambda row: (row.account_id, row.item_id),
            deletes_files=_deletes_files,
        )

    async def process(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """Do what is due for this item. Returns the row if it ended as `poisoned` now, so that the caller stores a
        crash report."""
        row = await self._store.get(account, item)
        try:
            return None if row is None else await self._process(row)
        except NotFound:
            return None  # purged or erased meanwhile: nothing is due

    async def resend_missing(self, shard: int, queues_created_at: Mapping[Lane, datetime]) -> None:
        """Send again what was sent before its lane's queue was created: local queues do not survive a restart."""
        now = self._clock()
        if max(queues_created_at.values()) < now - MAX_RESEND_AGE:
            return  # the regular sweeps have sent everything again since
        async for rows in self._store.due_rows(f"{shard:02d}", now + MAX_RESEND_AGE):
            for row in rows:
                if (
                    row.state is ItemState.QUEUED
                    and row.sent_at is not None
                    and row.sent_at < queues_created_at[row.lane]
                ):
                    await self._queue.send(row)

    async def _process(self, row: ItemRow) -> ItemRow | None:
        now = self._clock()
        if row.purge_at is not None and row.purge_at <= now:
            await self._purging.purge(row)
            return None
        if claims.overdue(row, now):
            changed = await self._overdue.apply(row, claims.overdue)
            if changed.state is ItemState.QUEUED and changed.sent_at is None:
                await self._queue.send(changed)  # delayed until the wait is over, so it need not wait for another sweep
            return changed if changed.failure == claims.POISONED else None
        send_at = lifecycle.next_send(row)
        if send_at is not None and send_at <= now:
            await self._queue.send(row)
        if reprocess_rules.lapse(row, now):
            await self._overdue.apply(row, reprocess_rules.lapse)
        elif _needs_cleanup(row, now):
            await self._cleanup.clean(row)
        return None


def _deletes_files(row: ItemRow, now: datetime) -> bool:
    return (row.purge_at is not None and row.purge_at <= now) or _needs_cleanup(row, now)


def _needs_cleanup(row: ItemRow, now: datetime) -> bool:
    """No claim and no deadline is due then: a row with a time of cleanup has none, or is being reprocessed."""
    return row.cleanup_at is not None and row.cleanup_at <= now and not lifecycle.is_being_reprocessed(row)
