"""The relational database: Aurora MySQL, or SQLite on one machine. The only place that knows their drivers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, Dialect, MetaData, String, event, exc, make_url
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.problems import Unavailable

CONNECTIONS = 10
QUEUE_SECONDS = 1.0
"""How long a request may wait for a free connection."""
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 3
TRANSACTION_SECONDS = 8.0
"""The whole `async with`, the wait for a connection and for SQLite's write lock included."""
SQLITE_BUSY_SECONDS = 5
RECYCLE_SECONDS = 600

_WRITING: Final = "darkroom_writing"
# A demoted writer still answers pings; only these errors tell (ER_OPTION_PREVENTS_STATEMENT and its two siblings).
_READ_ONLY_ERRORS = frozenset({1290, 1792, 1836})
_MYSQL_SESSION = (
    "SET time_zone = '+00:00', "
    "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    f"innodb_lock_wait_timeout = {STATEMENT_SECONDS}"
)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""The tables of all slices; each declares its own. Named constraints can be changed by a migration."""


class Conflict(Exception):
    """A write broke a unique key or a reference: somebody else was first."""


class Writer:
    """The side that has everything that was ever acknowledged.

    Each transaction is one `async with`; it commits at the end and rolls back on any error. Raises Unavailable when the
    database cannot be reached or is too slow, Conflict when a unique key is taken.
    """

    def __init__(self, engine: AsyncEngine, transaction_seconds: float) -> None:
        self._reading, self._seconds = engine, transaction_seconds
        self._writing = engine.execution_options(**{_WRITING: True})

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that may change things; on SQLite it holds the one write lock from its first moment."""
        return _transaction(self._writing, self._seconds)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that changes nothing."""
        return _transaction(self._reading, self._seconds)


class Readers:
    """Copies that may lag behind the writer: for what may be a little old, or is checked. Raises Unavailable."""

    def __init__(self, engine: AsyncEngine, transaction_seconds: float) -> None:
        self._engine, self._seconds = engine, transaction_seconds

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that changes nothing."""
        return _transaction(self._engine, self._seconds)

    async def lag_seconds(self) -> float | None:
        """How old an answer of theirs may be; None when nobody knows: then trust none of them."""
        return 0.0


Source = Writer | Readers
"""Where a read is answered; whoever asks says which by its type."""


class Database:
    """Both sides of the database of one process."""

    def __init__(
        self, url: str, *, statement_seconds: int = STATEMENT_SECONDS, transaction_seconds: float = TRANSACTION_SECONDS
    ) -> None:
        parsed = make_url(url)
        self._engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _mysql(parsed, statement_seconds)
        self.writer = Writer(self._engine, transaction_seconds)
        self.readers = Readers(self._engine, transaction_seconds)

    async def close(self) -> None:
        await self._engine.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine, seconds: float) -> AsyncIterator[AsyncConnection]:
    try:
        async with asyncio.timeout(seconds) as limit, engine.begin() as connection:
            yield connection
    except exc.IntegrityError as error:
        raise Conflict from error
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError, OSError) as error:
        if isinstance(error, TimeoutError) and not limit.expired():
            raise
        raise Unavailable(retry_after_seconds=1) from error
    except exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Unavailable(retry_after_seconds=1) from error


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC with microseconds, on every database."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def identifier(characters: int) -> TypeEngine[str]:
    """A column of plain ASCII compared byte by byte: ids, hashes."""
    return String(characters).with_variant(mysql.VARCHAR(characters, charset="ascii", collation="ascii_bin"), "mysql")


def exact_text(characters: int) -> TypeEngine[str]:
    """A column of text compared by its code points, so that MySQL's collations can't make two texts one.

    Except for spaces at the end, which MySQL pads away: strip what is compared.
    """
    return String(characters).with_variant(
        mysql.VARCHAR(characters, charset="utf8mb4", collation="utf8mb4_bin"), "mysql"
    )


def _sqlite(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=QUEUE_SECONDS, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself, deferred ones at that: _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails with "database is locked" at once, busy_timeout or not.
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _mysql(url: URL, statement_seconds: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=QUEUE_SECONDS,
        pool_recycle=RECYCLE_SECONDS,
        # Each statement sees what is committed when it begins, and conditional updates take no gap locks.
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": statement_seconds,
            "init_command": _MYSQL_SESSION,
        },
    )
    event.listen(engine.sync_engine, "handle_error", _drop_demoted_writer)
    return engine


def _drop_demoted_writer(context: ExceptionContext) -> None:
    arguments = getattr(context.original_exception, "args", ())
    if arguments and arguments[0] in _READ_ONLY_ERRORS:
        context.is_disconnect = True
