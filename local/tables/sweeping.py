"""Delete what has expired: rows past their time to live, and tokens of old transactions."""

import asyncio
import sqlite3
import time
from typing import Final

import structlog

from local.tables import statements, transactions
from local.tables.database import Database
from local.tables.schema import Table

PAUSE_SECONDS: Final = 30
MAX_ROWS: Final = 200  # rows per commit, so that no caller waits long behind it
LATE_SECONDS: Final = 48 * 3600  # DynamoDB deletes an expired row up to days later; until then it is read as any other
OLDEST_SECONDS: Final = 5 * 365 * 24 * 3600  # DynamoDB does not delete what expired more than five years ago

log = structlog.get_logger()


async def sweep_for_ever(database: Database) -> None:
    """Sweep periodically until cancelled."""
    while True:
        removed = await sweep(database)
        if removed:
            log.info("rows.expired", count=removed)
        await asyncio.sleep(PAUSE_SECONDS)


async def sweep(database: Database) -> int:
    """Delete all that has expired; return the number of expired rows."""
    removed = 0
    for name in database.catalog.names:
        removed += await _sweep_table(database, name)
    while await database.write(lambda connection: transactions.delete_tokens(connection, maximum=MAX_ROWS)) == MAX_ROWS:
        continue
    return removed


async def _sweep_table(database: Database, name: str) -> int:
    def work(connection: sqlite3.Connection) -> int:
        return _expire(connection, database.catalog.require(name))

    total = 0
    while removed := await database.write(work):
        total += removed
    return total


def _expire(connection: sqlite3.Connection, table: Table) -> int:
    if table.expiry_attribute is None:
        return 0
    now = int(time.time())
    return connection.execute(
        statements.expire(table.rows), (now - OLDEST_SECONDS, now - LATE_SECONDS, MAX_ROWS)
    ).rowcount
