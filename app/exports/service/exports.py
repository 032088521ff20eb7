"""The owner's actions on exports: start one, follow its progress, get its URL."""

from app.exports.schema import ExportRow, export_key, to_export
from app.exports.service import lifecycle
from app.exports.service.changes import ExportChanges
from app.exports.service.queueing import ExportQueue
from app.exports.store import ExportStore
from app.items.service.delivery import Delivery
from darkroom_shared.exports import Export, ExportState
from darkroom_shared.ids import AccountId, ExportId, new_export_id
from darkroom_shared.problems import NotFound, TooManyRequests
from darkroom_shared.times import Clock

MAX_EXPORTS = 3
"""Maximum per account: each may be as large as all data of the account."""
UNFINISHED = frozenset({ExportState.QUEUED, ExportState.PROCESSING})


class ExportService:
    """Starts and lists exports on the request of their owner."""

    def __init__(
        self, *, store: ExportStore, changes: ExportChanges, queue: ExportQueue, delivery: Delivery, clock: Clock
    ) -> None:
        self._store, self._changes, self._queue = store, changes, queue
        self._delivery, self._clock = delivery, clock

    async def start(self, account: AccountId) -> ExportRow:
        """Start an export, or return the unfinished one. Raises TooManyRequests if MAX_EXPORTS are kept."""
        rows, now = await self._store.all_of(account), self._clock()
        unfinished = next((row for row in rows if row.state in UNFINISHED), None)
        if unfinished is not None:
            return unfinished
        retained_until = [row.kept_until for row in rows if row.state is ExportState.READY and row.kept_until]
        if len(retained_until) >= MAX_EXPORTS:
            wait = max(1, int((min(retained_until) - now).total_seconds()))
            raise TooManyRequests("Three exports are kept already; each for a week.", retry_after_seconds=wait)
        if await self._changes.is_closing(account):
            raise NotFound
        change = lifecycle.created(ExportRow(account, new_export_id(), ExportState.QUEUED, now))
        await self._changes.create(change)
        return await self._queue.send_after_commit(change.row)

    async def require(self, account: AccountId, export: ExportId) -> ExportRow:
        """Return the export. Raises NotFound."""
        row = await self._store.get(account, export)
        if row is None:
            raise NotFound
        return row

    async def all_of(self, account: AccountId) -> list[ExportRow]:
        """Return all exports of the account, newest first."""
        return await self._store.all_of(account)

    def to_wire(self, row: ExportRow) -> Export:
        """Return the wire model, with a signed URL once there is a file."""
        export = to_export(row)
        if row.state is not ExportState.READY:
            return export
        url, expires_at = self._delivery.object(export_key(row.account_id, row.export_id))
        return export.model_copy(update={"url": url, "url_expires_at": expires_at})
