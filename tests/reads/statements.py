"""What a pair of databases was asked, told by the servers themselves: MariaDB's general log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.database_pair import USER, DatabasePair, MariaDb

_ABOUT_DATA = (
    "argument REGEXP '^(SELECT|INSERT|UPDATE|DELETE)' AND argument NOT REGEXP '@@|cache_generation|event_outbox'"
)
"""Not what opens, trusts and ends connections and transactions, nor what each process asks by itself at any time: the
polls for its permit, and what changes have left to be told."""


class StatementLog:
    """All statements of the app's user since `forget`; neither the tests' own nor those of replication."""

    def __init__(self, pair: DatabasePair) -> None:
        self._pair = pair

    async def delete(self) -> None:
        # Without the binary log: the reader has a log of its own.
        await self._on_both("SET sql_log_bin = 0; TRUNCATE mysql.general_log")

    async def all_about_data(self) -> int:
        return sum([await self._count(server, _ABOUT_DATA) for server in self._servers])

    async def selects(self, *tables: str, part: str = "") -> tuple[int, int]:
        """From any of these tables, with this part in their text: at the writer and at the reader."""
        condition = f"argument REGEXP '(?s)^SELECT.*FROM ({'|'.join(tables)})[[:space:]]' AND argument LIKE '%{part}%'"
        at_writer, at_reader = [await self._count(server, condition) for server in self._servers]
        return at_writer, at_reader

    async def switch(self, on: str) -> None:
        await self._on_both(f"SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = {on}")

    @property
    def _servers(self) -> tuple[MariaDb, MariaDb]:
        return self._pair.writer, self._pair.reader

    async def _count(self, server: MariaDb, condition: str) -> int:
        # Prepared ones, too, should the driver ever prepare any.
        by_caller = f"command_type IN ('Query', 'Execute') AND user_host LIKE '{USER}[%'"
        sql = f"SELECT COUNT(*) FROM mysql.general_log WHERE {by_caller} AND {condition}"  # noqa: S608 - the tests' own words
        return int(await asyncio.to_thread(server.run, sql))

    async def _on_both(self, sql: str) -> None:
        for server in self._servers:
            await asyncio.to_thread(server.run, sql)


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
