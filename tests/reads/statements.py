"""The statements that a pair of databases has executed, from the servers' general logs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.database_engines import USER
from tests.database_pair import DatabasePair, DatabaseServer

_STATEMENT = "CONVERT(argument USING utf8mb4)"
"""MySQL's column is binary, which it matches with no pattern."""
_ABOUT_DATA = (
    f"{_STATEMENT} REGEXP '^(SELECT|INSERT|UPDATE|DELETE)' "
    f"AND {_STATEMENT} NOT REGEXP '@@|cache_generation|event_outbox'"
)
"""Excludes statements that begin, verify and end connections and transactions, and periodic ones of each process: the
polls for its permit, and those of the event outbox.
"""


class StatementLog:
    """All statements of the app's user since `delete`, without the tests' own and those of replication."""

    def __init__(self, pair: DatabasePair) -> None:
        self._pair = pair

    async def delete(self) -> None:
        # Without the binary log, because the reader has a general log of its own.
        await self._on_both("SET sql_log_bin = 0", "TRUNCATE mysql.general_log")

    async def all_about_data(self) -> int:
        return sum([await self._count(server, _ABOUT_DATA) for server in self._servers])

    async def selects(self, *tables: str, part: str = "") -> tuple[int, int]:
        """Return the SELECTs from any of these tables whose text contains `part`, at the writer and at the reader."""
        pattern = f"(?s)^SELECT.*FROM ({'|'.join(tables)})[[:space:]]"
        condition = f"{_STATEMENT} REGEXP '{pattern}' AND {_STATEMENT} LIKE '%{part}%'"
        at_writer, at_reader = [await self._count(server, condition) for server in self._servers]
        return at_writer, at_reader

    async def switch(self, on: str) -> None:
        await self._on_both("SET GLOBAL log_output = 'TABLE'", f"SET GLOBAL general_log = {on}")

    @property
    def _servers(self) -> tuple[DatabaseServer, DatabaseServer]:
        return self._pair.writer, self._pair.reader

    async def _count(self, server: DatabaseServer, condition: str) -> int:
        # Includes prepared statements, should the driver ever use them.
        by_caller = f"command_type IN ('Query', 'Execute') AND user_host LIKE '{USER}[%'"
        sql = f"SELECT COUNT(*) FROM mysql.general_log WHERE {by_caller} AND {condition}"  # noqa: S608 - the tests' own words
        return int(await asyncio.to_thread(server.run, sql))

    async def _on_both(self, *statements: str) -> None:
        for server in self._servers:
            await asyncio.to_thread(server.run, *statements)


@asynccontextmanager
async def logged(pair: DatabasePair) -> AsyncIterator[StatementLog]:
    log = StatementLog(pair)
    await log.switch("ON")
    await log.delete()
    try:
        yield log
    finally:
        await log.switch("OFF")
        await log.delete()
