"""Connection pools of each server: drivers, TLS, passwords, roles."""

import asyncio
import sqlite3
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiosqlite
import asyncmy
from asyncmy.errors import Error as DriverError
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, AdaptedConnection, Connection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from app.stores.aurora_health import CircuitBreaker, Unreachable

CONNECTIONS = 10
QUEUE_SECONDS = 1.0
"""How long a request may wait for a free connection."""
CONNECT_SECONDS = 1.5
"""For the whole of it: TCP, TLS, authentication, role check."""
ROLE_SECONDS = 1.0
IDLE_SECONDS = 1.0
"""After this idle time a connection's server is queried for its role before the next use."""
SQLITE_BUSY_SECONDS = 5
SQLITE_POLL_SECONDS = 0.02
SQLITE_PRIMARY_CODE = 0xFF
RECYCLE_SECONDS = 600

WRITING: Final = "darkroom_writing"
READS_ONLY = "SELECT @@innodb_read_only OR @@read_only"
"""The first is set on Aurora's readers, the second on those of other MySQLs and MariaDB."""

# A demoted writer still responds to pings; only these errors reveal it (ER_OPTION_PREVENTS_STATEMENT and its two
# siblings).
_READ_ONLY_ERRORS = frozenset({1290, 1792, 1836})


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Connection options that a URL does not carry.

    `ca_file` allows TLS only, with a certificate of this authority for the host's name. `password_file` is read for
    each new connection, so that the password may change while the process runs. `connections` is the size of each pool.
    """

    ca_file: Path | None = None
    password_file: Path | None = None
    connections: int = CONNECTIONS


class ServerPool:
    """The pool of one server, and whether its idle connections can be trusted.

    Both engines share the pool: SQLite must know when a transaction begins whether it will write.
    """

    def __init__(
        self, engine: AsyncEngine, breaker: CircuitBreaker, statement_seconds: float | None, role: str | None = None
    ) -> None:
        self.engine, self.breaker, self.statement_seconds, self.role = engine, breaker, statement_seconds, role
        self.writing_engine = engine.execution_options(**{WRITING: True})
        self.waits = 0
        """How many transactions found no free connection."""
        self._distrusted_at = 0.0
        self._closed = False
        event.listen(engine.sync_engine, "checkin", self._check_in)

    @property
    def in_use(self) -> int:
        """Return how many connections transactions hold."""
        pool = self.engine.sync_engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @property
    def size(self) -> int:
        """Return the maximum of open connections."""
        pool = self.engine.sync_engine.pool
        return pool.size() if isinstance(pool, QueuePool) else 0

    def count_wait(self) -> None:
        """Count a wait if a transaction that begins now finds no free connection."""
        if self.in_use >= self.size:
            self.waits += 1

    def distrust(self) -> None:
        """Distrust all idle connections after a failure: each is replaced before its next use."""
        self._distrusted_at = time.monotonic()

    def watch(self) -> None:
        """Check each connection that leaves the pool."""
        event.listen(self.engine.sync_engine, "checkout", self._examine)

    async def close(self) -> None:
        """Close the idle connections now, and each other one when its transaction ends."""
        self._closed = True
        await self.engine.dispose()

    def _check_in(self, connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()
        if self._closed and connection is not None:  # SQLAlchemy would leave it open, in a pool without an owner
            record.close()

    def _examine(self, connection: AdaptedConnection, record: Any, _proxy: Any) -> None:
        used_at = record.info.get("used_at")
        if used_at is None:
            return
        # The same check as in the driver's own pool: whether the server has closed the connection meanwhile.
        broken = connection.driver_connection._stream_broken  # noqa: SLF001
        if broken or used_at <= self._distrusted_at:
            _discard(connection)
        if self.role is not None and time.monotonic() - used_at > IDLE_SECONDS:
            self._query_role(connection, self.role)

    def _query_role(self, connection: AdaptedConnection, role: str) -> None:
        try:
            connection.run_async(lambda driver: require_role(driver, role))
        except (OSError, DriverError):
            self.distrust()
            _discard(connection)


def _discard(connection: AdaptedConnection) -> None:
    # Closed without a quit command: over TLS that would wait for a peer that may be gone.
    connection.driver_connection.close()
    raise exc.DisconnectionError


async def require_role(driver: Any, role: str) -> None:
    """Raise Unreachable if the server of this driver connection is read-only."""
    async with asyncio.timeout(ROLE_SECONDS), driver.cursor() as cursor:
        await cursor.execute(role)
        (only_reads,) = await cursor.fetchone()
        await driver.rollback()
    if only_reads:
        raise Unreachable("the server only reads")


class _Opening:
    """Opens connections to one server. With a `role` query, only if the server accepts writes."""

    def __init__(self, options: ConnectionOptions, breaker: CircuitBreaker, role: str | None) -> None:
        self._breaker, self._role, self._password_file = breaker, role, options.password_file
        self._tls = {"ssl": ssl.create_default_context(cafile=options.ca_file)} if options.ca_file else {}

    async def __call__(self, **arguments: Any) -> Any:
        """Return a connection. Raises Unreachable; no statement of a caller has been sent then."""
        with self._breaker.attempt():
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._open(arguments)
            except Unreachable:
                raise
            except (OSError, DriverError) as error:
                raise Unreachable(_reason(error)) from None

    async def _open(self, arguments: dict[str, Any]) -> Any:
        if self._password_file is not None:
            arguments["password"] = self._password_file.read_bytes().strip()
        connection = await asyncmy.connect(**arguments, **self._tls)
        try:
            if self._role is not None:
                await require_role(connection, self._role)
        except BaseException:
            connection.close()
            raise
        return connection


def _reason(error: BaseException) -> str:
    """Return the driver's error number and the error's type; its text may contain addresses."""
    number = next((part for part in error.args if isinstance(part, int)), None)
    return type(error).__name__ if number is None else f"{type(error).__name__} {number}"


def open_sqlite(url: URL) -> ServerPool:
    """Open the database of a local installation. It has no reader, so lag is not a concern."""
    engine = create_async_engine(
        url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=QUEUE_SECONDS, hide_parameters=True
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "invalidate", _roll_sqlite_back)
    return ServerPool(engine, CircuitBreaker(), None)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin deferred transactions by itself: _begin_sqlite begins them instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout = {SQLITE_BUSY_SECONDS * 1000}", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.run_async(_use_wal)


async def _use_wal(driver: aiosqlite.Connection) -> None:
    """Switch a new file to a write-ahead log.

    While another process does the same, or still writes without that log, SQLite fails at once, whatever its timeout.
    """
    ends_at = time.monotonic() + SQLITE_BUSY_SECONDS
    while True:
        try:
            async with driver.execute("PRAGMA journal_mode = WAL"):
                return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & SQLITE_PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                raise
        await asyncio.sleep(SQLITE_POLL_SECONDS)


def _roll_sqlite_back(connection: Any, _record: Any, _error: Any) -> None:
    """Release the write lock of a cancelled transaction.

    Its connection is closed, but SQLite holds the lock as long as one of its cursors exists: until the error is
    released or the garbage collected.
    """
    connection.rollback()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails with "database is locked" at once, despite busy_timeout.
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def open_writer(url: URL, options: ConnectionOptions, statement_seconds: float) -> ServerPool:
    """Open the writer's pool at READ COMMITTED.

    Each statement sees what is committed when it begins, and conditional updates take no gap locks.
    """
    breaker = CircuitBreaker()
    opening = _Opening(options, breaker, READS_ONLY)
    engine = _mysql(url, opening, statement_seconds, options.connections, isolation_level="READ COMMITTED")
    return _watched(ServerPool(engine, breaker, statement_seconds, READS_ONLY))


def open_reader(
    url: URL, options: ConnectionOptions, statement_seconds: float, connections: int | None = None
) -> ServerPool:
    """Open a reader's pool with autocommit, which saves the round trips that begin and end a transaction.

    Each statement sees the same as at READ COMMITTED. A reader that was promoted to the writer is accepted as well.
    """
    breaker = CircuitBreaker()
    opening = _Opening(options, breaker, None)
    autocommit = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    engine = _mysql(url, opening, statement_seconds, connections or options.connections, **autocommit)
    return _watched(ServerPool(engine, breaker, statement_seconds))


def _watched(pool: ServerPool) -> ServerPool:
    pool.watch()
    return pool


def _mysql(url: URL, opening: _Opening, statement_seconds: float, connections: int, **options: Any) -> AsyncEngine:
    arguments: dict[str, Any] = {
        "async_creator_fn": opening,
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        # A safety net under our own limit for each statement, for calls that bypass it.
        "read_timeout": statement_seconds + 0.5,
        "init_command": _session(statement_seconds),
    }
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=QUEUE_SECONDS,
        pool_recycle=RECYCLE_SECONDS,
        hide_parameters=True,
        connect_args=arguments,
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _drop_demoted_writer)
    return engine


def _session(statement_seconds: float) -> str:
    # Shorter than the statement's limit, so that the server reports the lock wait before the statement is cut off.
    lock_seconds = max(1, int(statement_seconds - 0.5))
    modes = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
    return f"SET time_zone = '+00:00', sql_mode = '{modes}', innodb_lock_wait_timeout = {lock_seconds}"


def _drop_demoted_writer(context: ExceptionContext) -> None:
    arguments = getattr(context.original_exception, "args", ())
    if arguments and arguments[0] in _READ_ONLY_ERRORS:
        context.is_disconnect = True
