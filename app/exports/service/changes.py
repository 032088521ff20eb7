"""Apply a rule to an export: read the row, write row and event in one transaction, retry on conflict."""

from contextlib import suppress

from app.events.service.log import ActionRefused, EventLog, NewEvent
from app.exports.schema import ExportRow, to_export
from app.exports.service.lifecycle import Change, Rule
from app.exports.store import ExportStore, row_action
from app.jobs.revisions import change_by_revision
from app.stores.dynamo import Refused, TransactionConflict
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.problems import NotFound

ATTEMPTS = 10
CONFLICTS = (ActionRefused, Refused, TransactionConflict)


class ExportChanges:
    """The only writer of export rows."""

    def __init__(self, store: ExportStore, log: EventLog) -> None:
        self._store, self._log = store, log

    async def create(self, change: Change) -> None:
        """Write a new export. Its id is new, so a refusal means that it is stored already: the response was lost, and
        the SDK has repeated the write."""
        with suppress(Refused):
            await self._write(change)

    async def apply(self, account: AccountId, export: ExportId, rule: Rule) -> ExportRow:
        """Apply `rule` and return the new row. If the rule returns None, the row stays unchanged; its exceptions
        propagate.

        Raises NotFound or Unavailable.
        """

        async def read(_attempt: int) -> ExportRow:
            row = await self._store.get(account, export)
            if row is None:
                raise NotFound
            return row

        busy = "Too many changes of this export at once."
        return await change_by_revision(read, rule, self._write, conflicts=CONFLICTS, attempts=ATTEMPTS, busy=busy)

    async def is_closing(self, account: AccountId) -> bool:
        """Return whether the account is being erased."""
        return (await self._log.head(account)).closing

    async def _write(self, change: Change) -> None:
        row, action = change.row, row_action(change.row)
        if change.event is None:
            await self._store.write(action)
            return
        event = NewEvent(change.event, row.export_id, to_export(row).model_dump(mode="json"))
        await self._log.append(row.account_id, [event], [action])
