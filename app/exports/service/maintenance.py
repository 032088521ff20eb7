"""The sweeper's work on exports: lost messages, lapsed claims, deadlines, and the end of the retention."""

from functools import partial

from app.exports.schema import ExportRow, export_key
from app.exports.service import lifecycle
from app.exports.service.changes import ExportChanges
from app.exports.service.queueing import ExportQueue
from app.exports.store import ExportStore
from app.jobs.due_jobs import DueJobs
from app.jobs.lapses import Lapses
from app.stores.dynamo import Refused
from app.stores.resources import EXPORTS_QUEUE
from app.stores.s3 import ObjectStore
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock

ExportKey = tuple[AccountId, ExportId]


class ExportMaintenance:
    """Sends overdue messages again, ends lapsed claims, and deletes expired exports."""

    def __init__(
        self,
        *,
        store: ExportStore,
        changes: ExportChanges,
        queue: ExportQueue,
        objects: ObjectStore,
        lapses: Lapses,
        clock: Clock,
    ) -> None:
        self._store, self._changes, self._queue = store, changes, queue
        self._objects, self._lapses, self._clock = objects, lapses, clock
        self.due_jobs = DueJobs[ExportRow, ExportKey](
            store.due_rows,
            lapses,
            clock,
            key_of=lambda row: (row.account_id, row.export_id),
            deletes_files=lifecycle.is_expired,
        )

    async def process(self, account: AccountId, export: ExportId) -> None:
        """Do what is due for this export. It can be killed and run again."""
        row = await self._store.get(account, export)
        if row is None:
            return
        try:
            await self._process(row)
        except (NotFound, Refused):
            return  # erased or changed meanwhile: the next sweep handles it

    async def _process(self, row: ExportRow) -> None:
        now, send_at = self._clock(), lifecycle.next_send(row)
        if lifecycle.is_expired(row, now):
            key = export_key(row.account_id, row.export_id)
            await self._objects.abort_multiparts(key)
            await self._objects.delete([key])
            await self._store.remove(row)
        elif lifecycle.overdue(row, now):
            changed = await self._apply_overdue(row)
            if changed.state is ExportState.QUEUED:
                await self._queue.send(changed)  # the next attempt aborts the upload of the lost one
            elif changed.state is ExportState.FAILED:
                await self._objects.abort_multiparts(export_key(changed.account_id, changed.export_id))
        elif send_at is not None and send_at <= now:
            await self._queue.send(row)

    async def _apply_overdue(self, row: ExportRow) -> ExportRow:
        return await self._lapses.apply(
            partial(self._changes.apply, row.account_id, row.export_id),
            lambda current: lifecycle.overdue(current, self._clock()),
            lambda current, extension: lifecycle.renew(
                current, current.claim or "", self._clock(), current.percent, extension
            ),
            lost_attempts=lambda current: current.lost_attempts,
            queue=EXPORTS_QUEUE,
        )
