"""Apply a rule to an item: read the row, write row, receipt, request and event in one transaction,
retry on conflict."""

from collections.abc import Callable, Sequence

from app.events.service.log import ActionRefused, EventLog, HeadChange, NewEvent
from app.items.schema.row import ItemRow, to_item
from app.items.service.lifecycle import Change
from app.items.store import CompletedRequest, ItemStore, delete_action, receipt_action, request_action, row_action
from app.jobs.revisions import change_by_revision
from app.stores.dynamo import Action, Refused, TransactionConflict, TransactionRefused
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ReceiptStep
from darkroom_shared.times import Clock

ATTEMPTS = 30
CONFLICTS = (ActionRefused, Refused, TransactionRefused, TransactionConflict)


class AlreadyCompleted(Exception):
    """Another request used this Idempotency-Key first. Its stored record says how to build the response
    again."""


class ItemChanges:
    """Writes item rows; only the erasure of an account deletes rows without it."""

    def __init__(self, *, store: ItemStore, log: EventLog, clock: Clock, quota_bytes: int) -> None:
        self._store, self._log, self._clock, self._quota_bytes = store, log, clock, quota_bytes

    async def create(self, change: Change, request: CompletedRequest | None) -> None:
        """Insert the first row of an item. Raises QuotaExceeded, AlreadyCompleted, or Unavailable."""
        try:
            await self._write(change, request, (), items=1)
        except ActionRefused as refused:
            raise AlreadyCompleted from refused

    async def apply(
        self,
        account: AccountId,
        item: ItemId,
        rule: Callable[[ItemRow], Change | None],
        *,
        request: CompletedRequest | None = None,
        steps: Sequence[ReceiptStep] = (),
        known: ItemRow | None = None,
    ) -> ItemRow:
        """Apply `rule` and return the new row. If the rule returns None, the row stays unchanged; its exceptions
        propagate.

        `known` is a row that was read before and saves the first read. If it is outdated, the write is refused and
        the row is read again. Raises NotFound, AlreadyCompleted, QuotaExceeded, or Unavailable.
        """

        async def read(attempt: int) -> ItemRow:
            return known if known and attempt == 0 else await self._store.require(account, item)

        async def write(change: Change) -> None:
            try:
                await self._write(change, request, steps)
            except CONFLICTS as refused:
                if request is not None and await self._store.find_completed(account, request.key, self._clock()):
                    raise AlreadyCompleted from refused
                raise

        busy = "Too many changes of this item at once."
        return await change_by_revision(read, rule, write, conflicts=CONFLICTS, attempts=ATTEMPTS, busy=busy)

    async def remove(self, row: ItemRow) -> None:
        """Delete the row and subtract it from the item count. Does nothing if the row has changed since it was read
        or is deleted."""
        try:
            await self._log.append(row.account_id, (), [delete_action(row)], HeadChange(items=-1))
        except ActionRefused:
            return

    async def is_closing(self, account: AccountId) -> bool:
        """Return whether the account is being erased."""
        return (await self._log.head(account)).closing

    async def _write(
        self, change: Change, request: CompletedRequest | None, steps: Sequence[ReceiptStep], items: int = 0
    ) -> None:
        row, now = change.row, self._clock()
        actions: list[Action] = [row_action(row)]
        if change.step != "renewed":
            own = ReceiptStep(at=now, step=change.step, attempt=row.attempt)
            actions += [receipt_action(row.account_id, row.item_id, step) for step in (*steps, own)]
        if request is not None:
            actions.append(request_action(row.account_id, request, now))
        if change.event is None and change.bytes == 0:
            await self._store.write(actions)
            return
        events = [NewEvent(change.event, row.item_id, to_item(row).model_dump(mode="json"))] if change.event else []
        head = HeadChange(items, change.bytes, self._quota_bytes if change.bytes > 0 else None)
        await self._log.append(row.account_id, events, actions, head)
