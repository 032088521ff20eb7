"""The rows of the outbox, and the mark that an event of theirs is in its log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from app.events.schema import event_outbox
from app.stores.aurora import Database
from app.stores.dynamo import Action, Condition, put
from app.stores.resources import REQUESTS_TABLE
from shared.ids import AccountId

MARK_RETENTION = timedelta(days=30)
"""As long as events are: longer than any worker may have held a row that another one has told."""
MAX_ACCOUNTS = 200
"""Of one look; those waiting longest come first."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
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
        """Who has something to be told."""
        oldest = func.min(event_outbox.c.id)
        statement = select(event_outbox.c.account_id).group_by(event_outbox.c.account_id).order_by(oldest)
        async with self._database.writer.read() as connection:
            return [AccountId(row) for row in await connection.scalars(statement.limit(MAX_ACCOUNTS))]

    async def rows(self, account: AccountId, limit: int) -> list[OutboxRow]:
        """The oldest ones. Rows commit out of order, so these are all that are left, never those after a number."""
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
        """Those that are gone already are no error."""
        async with self._database.writer.write() as connection:
            ids = [row.id for row in rows]
            await connection.execute(delete(event_outbox).where(event_outbox.c.id.in_(ids)))

    async def late(self, since: datetime) -> int:
        """How many accounts have waited for an event since before that moment."""
        statement = select(func.count(event_outbox.c.account_id.distinct())).where(event_outbox.c.written_at <= since)
        async with self._database.writer.read() as connection:
            return int(await connection.scalar(statement) or 0)


def mark_action(account: AccountId, row: OutboxRow, now: datetime) -> Action:
    """Refused when the event is in the log. No Idempotency-Key has a space, so none is ever taken for a mark."""
    return put(
        REQUESTS_TABLE,
        {"account_id": account, "request_key": f"told {row.dedupe_key}"},
        {"expires_at": int((now + MARK_RETENTION).timestamp())},
        Condition("attribute_not_exists(request_key)"),
    )
