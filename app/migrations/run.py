"""Migrate the relational database to a revision, one process at a time."""

import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from app.stores.aurora import ConnectionOptions, Database
from darkroom_shared.problems import Unavailable

STATEMENT_SECONDS = 600
"""A migration may rebuild a large table."""
TOTAL_SECONDS = 1800.0
START_SECONDS = 1800.0
"""How long another instance's migration is awaited: as long as that one may take, and as an instance may take to start.
With less, a long migration would fail the start of every other instance of a rollout, which would be rolled back under
the migration.
"""
POLL_SECONDS = 10.0
"""The lock is requested again so often: networks drop connections that are silent for minutes (AWS: 350 s)."""
DENIED = frozenset({1044, 1142, 1143, 1227})
"""MySQL's errors for a user who lacks a privilege: on a database, a table, a column, on the server."""

_LOCK = text("SELECT GET_LOCK('darkroom-migrations', :seconds)")
_RELEASE_LOCK = text("SELECT RELEASE_LOCK('darkroom-migrations')")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LockWait:
    """How long to wait for another instance's migration, and how often to request its lock meanwhile."""

    start_seconds: float = START_SECONDS
    poll_seconds: float = POLL_SECONDS


async def migrate(
    database_url: str,
    revision: str = "head",
    options: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
    *,
    wait: LockWait = LockWait(),
) -> None:
    """Migrate to `revision`, forward or backward; `base` is the empty database. Does nothing if already there.

    Waits for another instance's migration. Raises Unavailable if that one takes too long, or if the database is
    unavailable, and SystemExit with one line if the database refuses.
    """
    database = Database(
        database_url,
        options=options,
        statement_seconds=STATEMENT_SECONDS,
        transaction_seconds=wait.start_seconds + TOTAL_SECONDS,
    )
    try:
        async with database.writer.write() as connection:
            before, after = await connection.run_sync(_migrate_to, revision, wait)
    except CommandError as error:
        raise SystemExit(f"The database cannot be brought to {revision}: {error}") from None
    except Unavailable as problem:
        if _is_denied(problem):
            raise SystemExit("The database's user may not change tables: migrate as the user who may.") from None
        raise
    finally:
        await database.close()
    log.info("database.migrated", before=before, after=after)


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _is_denied(problem: Unavailable) -> bool:
    """Return whether the server refused a statement for want of a privilege, for which the driver has no class."""
    refused = getattr(problem.__cause__, "orig", None)
    return any(number in DENIED for number in getattr(refused, "args", ())[:1])


def _migrate_to(connection: Connection, revision: str, wait: LockWait) -> tuple[str | None, str | None]:
    # SQLite's write lock is already held. MySQL commits at each CREATE, so it needs a named lock.
    named_lock = connection.dialect.name == "mysql"
    if connection.dialect.name == "sqlite":
        _disable_reference_checks(connection)
    if named_lock:
        _lock(connection, wait)
    try:
        before = _present_revision(connection)
        if revision == "base" or (before is not None and _is_behind(connection, revision, before)):
            command.downgrade(configuration(connection), revision)
        else:
            command.upgrade(configuration(connection), revision)
        after = _present_revision(connection)
        if named_lock:
            connection.commit()  # the revision, too, before the next one gets the lock and reads it
        return before, after
    finally:
        if named_lock:
            connection.execute(_RELEASE_LOCK)


def _lock(connection: Connection, wait: LockWait) -> None:
    """Take the lock that every migration of this server holds. Raises Unavailable."""
    ends_at = time.monotonic() + wait.start_seconds
    seconds = 0.0
    while not connection.scalar(_LOCK, {"seconds": seconds}):
        if not seconds:
            log.info("migration.awaited", seconds=wait.start_seconds)
        seconds = min(wait.poll_seconds, ends_at - time.monotonic())
        if seconds <= 0:
            raise Unavailable("Another migration is still running")


def _disable_reference_checks(connection: Connection) -> None:
    """Turn off foreign keys: SQLite implements some table changes as copy and DROP, which would first delete all
    referring rows."""
    connection.exec_driver_sql("COMMIT")  # SQLite can turn them off only outside a transaction
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _present_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _is_behind(connection: Connection, revision: str, present: str) -> bool:
    """Return whether `revision` is an ancestor of `present`."""
    steps = ScriptDirectory.from_config(configuration(connection))
    target = steps.get_revision(revision)
    return any(step is target for step in steps.iterate_revisions(present, "base") if step.revision != present)
