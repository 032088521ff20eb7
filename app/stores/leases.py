"""Leases in rows: an attribute of a DynamoDB row, or a column of an Aurora row, holds the lease's end.

Each call is one conditional write, so of several processes one takes the lease. Only the holder's `until` extends or
releases it: a process that was paused past its lease changes nothing.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.dynamo import Condition, Dynamo, Refused, Row, TransactionConflict
from app.stores.dynamo import update as update_row
from darkroom_shared.times import to_rfc3339


class DynamoLease:
    """A lease in the attribute of a row that need not exist; the attribute is absent while the task is free."""

    def __init__(self, dynamo: Dynamo, table: str, attribute: str) -> None:
        self._dynamo, self._table, self._attribute = dynamo, table, attribute

    async def take(self, key: Row, now: datetime, until: datetime) -> bool:
        """Return False if another process holds the lease.

        Also if the response was lost and the SDK repeated the write: the lease then ends by its time only.
        """
        condition = Condition(
            "attribute_not_exists(#lease) OR #lease <= :now",
            {"#lease": self._attribute},
            {":now": to_rfc3339(now), ":until": to_rfc3339(until)},
        )
        return await self._write(key, "SET #lease = :until", condition)

    async def release(self, key: Row, until: datetime) -> bool:
        """End the lease at once. Returns False if it is no longer the one that ends at `until`."""
        condition = Condition("#lease = :until", {"#lease": self._attribute}, {":until": to_rfc3339(until)})
        return await self._write(key, "REMOVE #lease", condition)

    async def _write(self, key: Row, expression: str, condition: Condition) -> bool:
        try:
            await self._dynamo.write(update_row(self._table, key, expression, condition))
        except (Refused, TransactionConflict):
            return False
        return True


class AuroraLease:
    """A lease in the column of the task's due time; null means never."""

    def __init__(self, table: Table, column: str) -> None:
        self._table, self._column = table, table.c[column]

    async def take(self, connection: AsyncConnection, row: ColumnElement[bool], now: datetime, until: datetime) -> bool:
        """Return False if another process holds the lease, the task is not due, or `row` matches no row."""
        return await self._write(connection, row & (self._column <= now), until)

    async def renew(
        self, connection: AsyncConnection, row: ColumnElement[bool], held: datetime, until: datetime
    ) -> bool:
        """Extend the lease that ends at `held`. Returns False if it is another process's now."""
        return await self._write(connection, row & self.is_held(held), until)

    def is_held(self, held: datetime | None) -> ColumnElement[bool]:
        """Return the condition of the holder's other writes: the lease still ends at `held`."""
        return self._column == held

    async def _write(self, connection: AsyncConnection, row: ColumnElement[bool], until: datetime) -> bool:
        change = update(self._table).where(row).values({self._column.name: until})
        return (await connection.execute(change)).rowcount == 1
