"""An account's event rows in the relational database: outbox, cursors and completed requests."""

from collections.abc import AsyncIterator

from sqlalchemy import delete, func, select

from app.events.schema.tables import cursors, event_outbox, requests
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId

_OF_ACCOUNT = {"cursors": cursors, "event_outbox": event_outbox, "relational requests": requests}


class RelationalEvents:
    """The account's rows of the event log's tables in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Delete all rows; yield their number per table. Cursors first: without one, no projection writes."""
        for table in _OF_ACCOUNT.values():
            async with self._database.writer.write() as connection:
                erased = (await connection.execute(delete(table).where(table.c.account_id == account))).rowcount
            yield erased

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        counts = {}
        async with self._database.writer.read() as connection:
            for name, table in _OF_ACCOUNT.items():
                statement = select(func.count()).select_from(table).where(table.c.account_id == account)
                counts[name] = int(await connection.scalar(statement) or 0)
        return counts
