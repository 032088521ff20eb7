"""The relational database: Aurora MySQL, or SQLite on one machine; no other module uses their drivers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import DateTime, Dialect, MetaData, String, Text, make_url
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.stores.aurora_engines import (
    CONNECTIONS,
    ConnectionOptions,
    ServerPool,
    open_reader,
    open_sqlite,
    open_writer,
)
from app.stores.aurora_health import RetryBudget
from app.stores.aurora_lag import aurora_lag, is_aurora, reader_lag
from app.stores.aurora_transactions import Conflict, RetryingConnection, translated_timeout
from darkroom_shared.problems import Unavailable

__all__ = [
    "CONNECTIONS",
    "AsyncConnection",
    "Conflict",
    "ConnectionOptions",
    "Database",
    "Readers",
    "Source",
    "UtcDateTime",
    "Writer",
    "exact_text",
    "identifier",
    "long_text",
    "metadata",
]

log = structlog.get_logger()

STATEMENT_SECONDS = 2.5
TRANSACTION_SECONDS = 8.0
"""Limit of the whole `async with`, including the wait for a connection and for SQLite's write lock."""
SPARE_CONNECTIONS = 3
"""Connections to the writer for reads while the reader is unavailable, so that a failed reader cannot overload it."""


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""The tables of all capabilities; each declares its own. Constraints are named so that a migration can change them."""


class Writer:
    """The writer, which has every acknowledged change.

    Each transaction is one `async with`, which commits at the end and rolls back on any error. Raises Unavailable if
    the database is unreachable or too slow, Conflict if a unique key is taken.
    """

    def __init__(self, pool: ServerPool, transaction_seconds: float) -> None:
        self._pool, self._seconds = pool, transaction_seconds
        self._budget = RetryBudget()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that may change rows. On SQLite it takes the single write lock when it begins."""
        committed = False
        try:
            async with (
                translated_timeout(self._seconds),
                RetryingConnection([self._pool], self._budget, writing=True) as connection,
            ):
                yield connection
                await connection.commit()
                committed = True
                self._budget.earn()
        except Unavailable as error:
            if not committed:
                raise
            # The server was lost while the connection was reset for the pool, which a transaction need not wait for.
            log.warning("connection.not_reset", reason=repr(error.__cause__))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a read-only transaction. Raises Unavailable at its end if the server was no longer the writer.

        Use the rows only after the `async with`: a server that lost the role during the transaction returns outdated
        rows.
        """
        async with (
            translated_timeout(self._seconds),
            RetryingConnection([self._pool], self._budget, writing=False) as connection,
        ):
            yield connection
            await connection.require_role()
            self._budget.earn()


class Readers:
    """Replicas that may lag behind the writer, for data that may be a little old or is checked. Raises Unavailable.

    While they are unavailable, the writer serves a few reads at a time.
    """

    def __init__(
        self, reader: ServerPool | None, spare: ServerPool, writer: Writer, transaction_seconds: float
    ) -> None:
        self._reader, self._writer = reader, writer
        self._pools = [spare] if reader is None else [reader, spare]
        self._budget, self._seconds = RetryBudget(), transaction_seconds
        self._aurora: bool | None = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a read-only transaction."""
        async with (
            translated_timeout(self._seconds),
            RetryingConnection(self._pools, self._budget, writing=False) as connection,
        ):
            yield connection
            self._budget.earn()

    @property
    def are_the_writer(self) -> bool:
        """True if there is no separate reader."""
        return self._reader is None

    async def lag_seconds(self) -> float | None:
        """Return the maximum age of a row from the readers, in seconds. None if unknown: then use none of them."""
        if self._reader is None:
            return 0.0
        try:
            return await self._query_lag(self._reader)
        except Unavailable:
            return None

    async def _query_lag(self, reader: ServerPool) -> float | None:
        if self._aurora:
            async with self._writer.read() as connection:
                return await aurora_lag(connection)
        # Never on the writer, which `read` falls back to: the reader may be back in a moment, and far behind.
        async with (
            translated_timeout(self._seconds),
            RetryingConnection([reader], self._budget, writing=False) as connection,
        ):
            if self._aurora is None:
                self._aurora = await is_aurora(connection)
            return None if self._aurora else await reader_lag(connection)


Source = Writer | Readers
"""Which servers a read uses; the caller selects them by type."""


class Database:
    """Writer and readers of one process's database. Without a reader URL the writer serves all reads."""

    def __init__(
        self,
        url: str,
        *,
        reader_url: str | None = None,
        options: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
        statement_seconds: float = STATEMENT_SECONDS,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        address = make_url(url)
        on_file = address.get_backend_name() == "sqlite"
        writer = open_sqlite(address) if on_file else open_writer(address, options, statement_seconds)
        reader, spare = None, writer
        if reader_url is not None and not on_file:
            reader = open_reader(make_url(reader_url), options, statement_seconds)
            spare = open_reader(address, options, statement_seconds, SPARE_CONNECTIONS)
        self.pools = {"writer": writer} | ({} if reader is None else {"reader": reader, "spare": spare})
        """Each connection pool once, by its purpose."""
        self.writer = Writer(writer, transaction_seconds)
        self.readers = Readers(reader, spare, self.writer, transaction_seconds)

    async def close(self) -> None:
        """Close all connections, those in use when their transactions end."""
        for pool in self.pools.values():
            await pool.close()


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware time in UTC with microseconds, on every database."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def identifier(characters: int) -> TypeEngine[str]:
    """Column type of ASCII text compared byte by byte: ids, hashes."""
    return String(characters).with_variant(mysql.VARCHAR(characters, charset="ascii", collation="ascii_bin"), "mysql")


def exact_text(characters: int) -> TypeEngine[str]:
    """Column type of text compared by code points, so that MySQL's collations cannot equate two texts.

    MySQL still ignores trailing spaces: strip what is compared.
    """
    return String(characters).with_variant(
        mysql.VARCHAR(characters, charset="utf8mb4", collation="utf8mb4_bin"), "mysql"
    )


def long_text() -> TypeEngine[str]:
    """Column type of text that is never compared, up to 16,000 characters, whatever the database's own charset."""
    return Text().with_variant(mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql")
