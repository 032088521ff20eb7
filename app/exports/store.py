"""DynamoDB store of export rows."""

from collections.abc import AsyncIterator

from app.exports.schema import ExportRow, from_attributes, to_attributes
from app.stores.dynamo import Action, Condition, Dynamo, Query
from app.stores.job_rows import JobRows, JobTable
from app.stores.resources import EXPORTS_TABLE
from darkroom_shared.ids import AccountId, ExportId

ROWS_PER_PAGE = 100


_EXPORTS = JobTable(
    name=EXPORTS_TABLE,
    id_name="export_id",
    make_id=ExportId,
    from_attributes=from_attributes,
    to_attributes=to_attributes,
)


class ExportStore(JobRows[ExportRow, ExportId]):
    """The rows of exports in DynamoDB."""

    def __init__(self, dynamo: Dynamo) -> None:
        super().__init__(dynamo, _EXPORTS)

    async def all_of(self, account: AccountId) -> list[ExportRow]:
        """Return the account's exports, newest first; an account has few."""
        query = Query(
            EXPORTS_TABLE,
            Condition("account_id = :account", values={":account": account}),
            descending=True,
            limit=ROWS_PER_PAGE,
        )
        return [from_attributes(row) for row in (await self._dynamo.query(query)).rows]

    async def write(self, action: Action) -> None:
        """Write a row without an event. Raises Refused."""
        await self._dynamo.write(action)

    async def remove(self, row: ExportRow) -> None:
        """Delete the row. Raises Refused if it has changed since it was read."""
        await self._dynamo.write(_EXPORTS.delete(row))

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete all rows of the account. Yields the number per page."""
        while rows := await self.all_of(account):
            await self._dynamo.delete_many(EXPORTS_TABLE, [row.key for row in rows])
            yield len(rows)


def row_action(row: ExportRow) -> Action:
    """Put the whole row; refused if another write came first."""
    return _EXPORTS.put(row)
