"""Rows of jobs in a DynamoDB table: one revision per write, and an index by the time when a row becomes due."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from app.stores.dynamo import Action, Condition, Dynamo, Page, Query, Row, delete, put
from app.stores.resources import BY_DUE
from darkroom_shared.ids import AccountId
from darkroom_shared.times import to_rfc3339

ROWS_PER_PAGE = 100

R = TypeVar("R", bound="JobRow")
JobId = TypeVar("JobId", bound=str)


class JobRow(Protocol):
    @property
    def key(self) -> Row:
        """The account and the job's id, by the names of their attributes."""
        ...

    @property
    def revision(self) -> int:
        """1 for the first write."""
        ...


@dataclass(frozen=True, slots=True)
class JobTable(Generic[R, JobId]):
    """A table with `account_id` and `id_name` as its key. `make_id` is the constructor of the id's type."""

    name: str
    id_name: str
    make_id: Callable[[str], JobId]
    from_attributes: Callable[[Row], R]
    to_attributes: Callable[[R], Row]
    """Returns all attributes but the key."""

    def put(self, row: R) -> Action:
        """Put the whole row; refused unless the stored row has the previous revision, or is absent for the first."""
        if row.revision == 1:
            condition = Condition(f"attribute_not_exists({self.id_name})")
        else:
            condition = Condition("revision = :before", values={":before": row.revision - 1})
        return put(self.name, row.key, self.to_attributes(row), condition)

    def delete(self, row: R) -> Action:
        """Delete the row; refused if it has changed since it was read."""
        return delete(self.name, row.key, Condition("revision = :read", values={":read": row.revision}))


class JobRows(Generic[R, JobId]):
    """Reads the rows of one table."""

    def __init__(self, dynamo: Dynamo, table: JobTable[R, JobId]) -> None:
        self._dynamo, self._table = dynamo, table

    async def get(self, account: AccountId, job: JobId) -> R | None:
        """Return the row by a consistent read, or None."""
        row = await self._dynamo.get(self._table.name, {"account_id": account, self._table.id_name: job})
        return self._table.from_attributes(row) if row else None

    async def get_many(self, jobs: Sequence[tuple[AccountId, JobId]]) -> list[R]:
        """Return the existing rows by consistent reads, in no particular order."""
        keys: list[Row] = [{"account_id": account, self._table.id_name: job} for account, job in jobs]
        return [self._table.from_attributes(row) for row in await self._dynamo.get_many(self._table.name, keys)]

    async def due(self, shard: str, until: datetime, limit: int) -> list[tuple[AccountId, JobId]]:
        """Return the first candidates: the index is eventually consistent, so the caller must check the row."""
        return self._keys(await self._due_page(shard, until, limit, None))

    async def due_rows(self, shard: str, until: datetime) -> AsyncIterator[list[R]]:
        """Yield the rows of all candidates page by page, by consistent reads. A job whose due time changes meanwhile
        may appear twice."""
        start: Row | None = None
        while True:
            page = await self._due_page(shard, until, ROWS_PER_PAGE, start)
            yield await self.get_many(self._keys(page))
            if not page.more:
                return
            start = {name: page.rows[-1][name] for name in ("account_id", self._table.id_name, "due_shard", "due_at")}

    async def all_rows(self) -> AsyncIterator[R]:
        """Yield the rows of all accounts, for verification."""
        start: Row | None = None
        while True:
            rows, start = await self._dynamo.scan(self._table.name, start)
            for row in rows:
                yield self._table.from_attributes(row)
            if start is None:
                return

    async def _due_page(self, shard: str, until: datetime, limit: int, start: Row | None) -> Page:
        condition = Condition(
            "due_shard = :shard AND due_at <= :until", values={":shard": shard, ":until": to_rfc3339(until)}
        )
        query = Query(self._table.name, condition, index=BY_DUE, limit=limit, start_after=start)
        return await self._dynamo.query(query, consistent=False)

    def _keys(self, page: Page) -> list[tuple[AccountId, JobId]]:
        return [(AccountId(row["account_id"]), self._table.make_id(row[self._table.id_name])) for row in page.rows]
