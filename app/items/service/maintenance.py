"""The sweeper's work on items: deadlines, lapsed claims, lost messages, orphaned files, purges."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.items.deletion.service.purge import OnPurge, Purging
from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.keys import attempt_of, original_key, prefixes_that_count, rendition_folder
from app.items.schema.row import ItemRow, Lane
from app.items.service import claims, lifecycle
from app.items.service.changes import ItemChanges
from app.items.service.lifecycle import Change
from app.items.service.queueing import QUEUES, WorkQueue
from app.items.store import ItemStore
from app.jobs.claim import RETURNS_AFTER
from app.jobs.kind import OnLapse
from app.stores.resources import SHARDS
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemState
from darkroom_shared.problems import NotFound
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

BATCH = 100
MAX_RESEND_AGE = lifecycle.MAX_RESEND_INTERVAL + RETURNS_AFTER[-1]
"""Within this time every queued item is sent again in any case."""
_GONE = frozenset({ItemState.CANCELLED, ItemState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Backlog:
    """How late the work is. `past_deadline` counts items."""

    past_deadline: int
    oldest_by_lane: Mapping[Lane, float]
    """Seconds. A lane without queued items has no entry."""

    @property
    def oldest_wait_seconds(self) -> float:
        """The longest wait of all lanes; 0 if no item is queued."""
        return max(self.oldest_by_lane.values(), default=0.0)


class MaintenanceService:
    """Does what no request does: enforces deadlines and leases, sends messages again, purges and cleans up."""

    def __init__(
        self,
        store: ItemStore,
        changes: ItemChanges,
        objects: ObjectStore,
        queue: WorkQueue,
        clock: Clock,
        on_purge: Sequence[OnPurge] = (),
        on_lapse: OnLapse = lambda _queue: None,
    ) -> None:
        """`on_purge`: callbacks that delete the item from other stores before its row is deleted."""
        self._store, self._changes, self._objects = store, changes, objects
        self._queue, self._clock, self._on_lapse = queue, clock, on_lapse
        self._purging = Purging(store, changes, objects, clock, on_purge)

    async def due(self, shard: int) -> list[tuple[AccountId, ItemId]]:
        """Return candidates of one of the 16 shards. The index may be late; the row decides."""
        return await self._store.due(f"{shard % SHARDS:02d}", self._clock(), BATCH)

    async def process(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """Do what is due for this item. Returns the row if it ended as `poisoned` now, so that the caller stores a
        crash report."""
        row = await self._store.get(account, item)
        try:
            return None if row is None else await self._process(row)
        except NotFound:
            return None  # purged or erased meanwhile: nothing is due

    async def resend_missing(self, shard: int, made: Mapping[Lane, datetime]) -> None:
        """Send again what was sent before its lane's queue was created: local queues do not survive a restart."""
        now = self._clock()
        if max(made.values()) < now - MAX_RESEND_AGE:
            return  # the regular sweeps have sent everything again since
        async for candidates in self._store.all_due(f"{shard:02d}", now + MAX_RESEND_AGE):
            for row in await self._store.get_many(candidates):
                if row.state is ItemState.QUEUED and row.sent_at is not None and row.sent_at < made[row.lane]:
                    await self._queue.send(row)

    async def _process(self, row: ItemRow) -> ItemRow | None:
        now = self._clock()
        if row.purge_at is not None and row.purge_at <= now:
            await self._purging.purge(row)
            return None
        if claims.overdue(row, now):
            moved = await self._apply_overdue(row, claims.overdue)
            if moved.state is ItemState.QUEUED and moved.sent_at is None:
                await self._queue.send(moved)  # delayed until the wait is over, so it need not wait for another sweep
            return moved if moved.failure == claims.POISONED else None
        send_at = lifecycle.next_send(row)
        if send_at is not None and send_at <= now:
            await self._queue.send(row)
        if reprocess_rules.lapse(row, now):
            await self._apply_overdue(row, reprocess_rules.lapse)
        elif row.cleanup_at is not None and row.cleanup_at <= now and not lifecycle.is_being_reprocessed(row):
            await self._clean(row)
        return None

    async def _apply_overdue(self, row: ItemRow, rule: Callable[[ItemRow, datetime], Change | None]) -> ItemRow:
        """Apply a rule of deadlines and leases. Reports a lapsed claim once, although several workers sweep."""
        lapsed = False

        def apply_now(current: ItemRow) -> Change | None:
            nonlocal lapsed
            change = rule(current, self._clock())
            lapsed = change is not None and _lost_attempts(change.row) > _lost_attempts(current)
            return change

        moved = await self._changes.apply(row.account_id, row.item_id, apply_now)
        if lapsed:
            self._on_lapse(QUEUES[Lane.BULK if row.state is ItemState.READY else row.lane])
        return moved

    async def _clean(self, row: ItemRow) -> None:
        account, item = row.account_id, row.item_id
        row = await self._changes.apply(
            account, item, lambda current: reprocess_rules.drop_previous(current, self._clock()), known=row
        )
        if lifecycle.is_being_reprocessed(row):
            return
        await self._remove_orphans(row)
        await self._changes.apply(
            account,
            item,
            lambda current: lifecycle.cleaned(current) if current.cleanup_at == row.cleanup_at else None,
        )

    async def backlog(self, since: datetime) -> Backlog:
        """Count items whose deadline passed before `since`, and measure the longest wait of a queued item."""
        async with TaskGroup() as tasks:
            shards = [tasks.create_task(self._waiting(shard)) for shard in range(SHARDS)]
        rows = [row for shard in shards for row in shard.result()]
        late = sum(1 for row in rows if row.deadline is not None and row.deadline < since)
        now = self._clock()
        oldest: dict[Lane, float] = {}
        for row in rows:
            if row.queued_at and row.state is ItemState.QUEUED:
                wait = round((now - row.queued_at).total_seconds(), 1)
                oldest[row.lane] = max(wait, oldest.get(row.lane, 0.0))
        return Backlog(late, oldest)

    async def _waiting(self, shard: int) -> list[ItemRow]:
        """Return the rows that are due within a day, the most urgent first."""
        until = self._clock() + lifecycle.QUEUE_LIMIT
        candidates = await self._store.due(f"{shard:02d}", until, BATCH)
        return await self._store.get_many(candidates)

    async def _remove_orphans(self, row: ItemRow) -> None:
        """Delete the files that are part of no result.

        Keeps the files of current and previous results and those of attempts that began after the row was read. A
        deleted item keeps its original while its bytes are reserved, because it can be restored.
        """
        key = original_key(row.account_id, row.item_id)
        await self._objects.abort_multiparts(key)
        unreserved = row.state is ItemState.DELETED and row.reserved_bytes == 0
        if row.state in _GONE or unreserved:
            await self._objects.delete([key])
        prefixes, folder = prefixes_that_count(row), rendition_folder(row.account_id, row.item_id) + "/"
        for upload in await self._objects.list_multipart_keys(folder):
            if attempt_of(upload) <= row.attempt:
                await self._objects.abort_multiparts(upload)
        orphans = [
            stored.key
            async for stored in self._objects.list_objects(folder)
            if attempt_of(stored.key) <= row.attempt and not stored.key.startswith(prefixes)
        ]
        await self._objects.delete(orphans)


def _lost_attempts(row: ItemRow) -> int:
    """Return the lost attempts at the item and at its reprocessing."""
    return row.lost_attempts + (row.remake.lost_attempts if row.remake else 0)
