"""Apply a rule to an export: read the row, write row and event in one transaction, retry on conflict."""

import asyncio
import random

from app.events.service.log import ActionRefused, EventLog, NewEvent
from app.exports.schema import ExportRow, to_export
from app.exports.service.lifecycle import Change, Rule
from app.exports.store import ExportStore, row_action
from app.stores.dynamo import Refused, TransactionConflict
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.problems import NotFound, Unavailable

ATTEMPTS = 10
MAX_WAIT_SECONDS = 0.2


class ExportChanges:
    """The only writer of export rows."""

    def __init__(self, store: ExportStore, log: EventLog) -> None:
        self._store, self._log = store, log

    async def create(self, change: Change) -> None:
        await self._write(change)

    async def apply(self, account: AccountId, export: ExportId, rule: Rule) -> ExportRow:
        """Apply `rule` and return the new row. If the rule returns None, the row stays unchanged; its exceptions
        propagate.

        Raises NotFound or Unavailable.
        """
        for attempt in range(ATTEMPTS):
            row = await self._store.get(account, export)
            if row is None:
                raise NotFound
            change = rule(row)
            if change is None:
                return row
            try:
                await self._write(change)
            except (ActionRefused, Refused, TransactionConflict):
                await asyncio.sleep(random.uniform(0, min(0.005 * 2**attempt, MAX_WAIT_SECONDS)))  # noqa: S311  jitter
                continue
            return change.row
        raise Unavailable("Too many changes of this export at once.", retry_after_seconds=1)

    async def is_closing(self, account: AccountId) -> bool:
        """Return whether the account is being erased."""
        return (await self._log.head(account)).closing

    async def _write(self, change: Change) -> None:
        row, action = change.row, row_action(change.row)
        if change.event is None:
            await self._store.write([action])
            return
        event = NewEvent(change.event, row.export_id, to_export(row).model_dump(mode="json"))
        await self._log.append(row.account_id, [event], [action])
