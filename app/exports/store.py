"""DynamoDB store of export rows."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from app.exports.schema import ExportRow, from_attributes, to_attributes
from app.stores.dynamo import Action, Condition, Dynamo, Query, Row, delete, put
from app.stores.resources import BY_DUE, EXPORTS_TABLE
from darkroom_shared.ids import AccountId, ExportId
from darkroom_shared.times import to_rfc3339

ROWS_PER_PAGE = 100


class ExportStore:
    """The rows of exports in DynamoDB."""

    def __init__(self, dynamo: Dynamo) -> None:
        self._dynamo = dynamo

    async def get(self, account: AccountId, export: ExportId) -> ExportRow | None:
        """Return the row by a consistent read, or None."""
        row = await self._dynamo.get(EXPORTS_TABLE, {"account_id": account, "export_id": export})
        return from_attributes(row) if row else None

    async def all_of(self, account: AccountId) -> list[ExportRow]:
        """Return the account's exports, newest first; an account has few."""
        query = Query(
            EXPORTS_TABLE,
            Condition("account_id = :account", values={":account": account}),
            descending=True,
            limit=ROWS_PER_PAGE,
        )
        return [from_attributes(row) for row in (await self._dynamo.query(query)).rows]

    async def get_many(self, exports: Sequence[tuple[AccountId, ExportId]]) -> list[ExportRow]:
        """Return the existing rows by consistent reads, in no particular order."""
        keys = [{"account_id": account, "export_id": export} for account, export in exports]
        return [from_attributes(row) for row in await self._dynamo.get_many(EXPORTS_TABLE, keys)]

    async def all_due(self, shard: str, now: datetime) -> AsyncIterator[list[tuple[AccountId, ExportId]]]:
        """Yield candidates page by page to the end: the index is eventually consistent, so the caller must check the
        row. An export whose due time changes meanwhile may appear twice."""
        condition = Condition(
            "due_shard = :shard AND due_at <= :now", values={":shard": shard, ":now": to_rfc3339(now)}
        )
        start: Row | None = None
        while True:
            query = Query(EXPORTS_TABLE, condition, index=BY_DUE, limit=ROWS_PER_PAGE, start_after=start)
            page = await self._dynamo.query(query, consistent=False)
            yield [(AccountId(row["account_id"]), ExportId(row["export_id"])) for row in page.rows]
            if not page.more:
                return
            start = {name: page.rows[-1][name] for name in ("account_id", "export_id", "due_shard", "due_at")}

    async def all_rows(self, start_after: Row | None = None) -> tuple[list[ExportRow], Row | None]:
        """Return one page of all accounts' exports, for verification."""
        rows, last = await self._dynamo.scan(EXPORTS_TABLE, start_after)
        return [from_attributes(row) for row in rows], last

    async def write(self, action: Action) -> None:
        """Run a `row_action` without an event. Raises Refused."""
        await self._dynamo.write(action)

    async def remove(self, row: ExportRow) -> None:
        """Delete the row. Raises Refused if it has changed since it was read."""
        condition = Condition("revision = :read", values={":read": row.revision})
        await self._dynamo.write(delete(EXPORTS_TABLE, row.key, condition))

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete all rows of the account. Yields the number per page."""
        while rows := await self.all_of(account):
            await self._dynamo.delete_many(EXPORTS_TABLE, [row.key for row in rows])
            yield len(rows)


def row_action(row: ExportRow) -> Action:
    """Put the whole row; refused unless the stored row has the previous revision, or is absent for the first one."""
    if row.revision == 1:
        condition = Condition("attribute_not_exists(export_id)")
    else:
        condition = Condition("revision = :before", values={":before": row.revision - 1})
    return put(EXPORTS_TABLE, row.key, to_attributes(row), condition)
