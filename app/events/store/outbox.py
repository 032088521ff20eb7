"""The rows of the outbox, and the mark of a published row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema.tables import event_outbox
from app.stores.aurora import Database
from app.stores.aurora_inserts import insert_absent
from app.stores.dynamo import Action, Condition, put
from app.stores.resources import REQUESTS_TABLE
from darkroom_shared.ids import AccountId

MARK_RETENTION = timedelta(days=30)
"""The same as the retention of events, and longer than any worker may hold a row that another one has published."""
MAX_ACCOUNTS = 200
"""Per query; those that have waited longest come first."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """`id` is the order of insertion; `dedupe_key` marks the event as published in the log."""

    id: int
    dedupe_key: str
    type: str
    subject: str
    data: dict[str, Any]


class OutboxStore:
    """Each method is one transaction. Raises Unavailable, as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accounts(self) -> list[AccountId]:
        """Return accounts with unpublished events."""
        oldest = func.min(event_outbox.c.id)
        statement = select(event_outbox.c.account_id).group_by(event_outbox.c.account_id).order_by(oldest)
        async with self._database.writer.read() as connection:
            return [AccountId(row) for row in await connection.scalars(statement.limit(MAX_ACCOUNTS))]

    async def rows(self, account: AccountId, limit: int) -> list[OutboxRow]:
        """Return the oldest rows. Rows commit out of order, so there is no cursor: published rows are deleted."""
        columns = event_outbox.c
        statement = (
            select(columns.id, columns.dedupe_key, columns.type, columns.subject, columns.data)
            .where(columns.account_id == account)
            .order_by(columns.id)
            .limit(limit)
        )
        async with self._database.writer.read() as connection:
            return [OutboxRow(*row) for row in await connection.execute(statement)]

    async def delete(self, rows: Sequence[OutboxRow]) -> None:
        """Idempotent."""
        async with self._database.writer.write() as connection:
            ids = [row.id for row in rows]
            await connection.execute(delete(event_outbox).where(event_outbox.c.id.in_(ids)))

    async def late(self, since: datetime) -> int:
        """Return the number of accounts with an event that was written before `since`."""
        statement = select(func.count(event_outbox.c.account_id.distinct())).where(event_outbox.c.written_at <= since)
        async with self._database.writer.read() as connection:
            return int(await connection.scalar(statement) or 0)


async def add_rows(connection: AsyncConnection, accounts: Sequence[AccountId], row: Mapping[str, object]) -> None:
    """Add the row for each account in the caller's transaction. A row whose `dedupe_key` is present is ignored."""
    await insert_absent(connection, event_outbox, [{"account_id": account, **row} for account in accounts])


def mark_action(account: AccountId, row: OutboxRow, now: datetime) -> Action:
    """Return an action that is refused if the event is in the log. No Idempotency-Key has a space, so none can equal a
    mark."""
    return put(
        REQUESTS_TABLE,
        {"account_id": account, "request_key": f"told {row.dedupe_key}"},
        {"expires_at": int((now + MARK_RETENTION).timestamp())},
        Condition("attribute_not_exists(request_key)"),
    )
