"""Migrate the relational database to a revision, one process at a time."""

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
LOCK_SECONDS = 60

_RELEASE_LOCK = text("SELECT RELEASE_LOCK('darkroom-migrations')")

log = structlog.get_logger()


async def migrate(
    database_url: str,
    revision: str = "head",
    options: ConnectionOptions = ConnectionOptions(),  # noqa: B008 - frozen
) -> None:
    """Migrate to `revision`, forward or backward; `base` is the empty database. Does nothing if already there."""
    database = Database(
        database_url, options=options, statement_seconds=STATEMENT_SECONDS, transaction_seconds=TOTAL_SECONDS
    )
    try:
        async with database.writer.write() as connection:
            before, after = await connection.run_sync(_migrate_to, revision)
    except CommandError as error:
        raise SystemExit(f"The database cannot be brought to {revision}: {error}") from None
    finally:
        await database.close()
    log.info("database.migrated", before=before, after=after)


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _migrate_to(connection: Connection, revision: str) -> tuple[str | None, str | None]:
    # SQLite's write lock is already held. MySQL commits at each CREATE, so it needs a named lock.
    named_lock = connection.dialect.name == "mysql"
    if connection.dialect.name == "sqlite":
        _disable_reference_checks(connection)
    if named_lock and not connection.scalar(
        text("SELECT GET_LOCK('darkroom-migrations', :wait)"), {"wait": LOCK_SECONDS}
    ):
        raise Unavailable("Another migration is running.")
    try:
        before = _present_revision(connection)
        if revision == "base" or (before is not None and _is_behind(connection, revision, before)):
            command.downgrade(configuration(connection), revision)
        else:
            command.upgrade(configuration(connection), revision)
        return before, _present_revision(connection)
    finally:
        if named_lock:
            connection.execute(_RELEASE_LOCK)


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
