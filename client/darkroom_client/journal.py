"""Record unfinished uploads on this machine, so that a new run sends only the missing bytes."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from darkroom_client.errors import UnusableState
from darkroom_shared.ids import AccountId, ItemId

ResultT = TypeVar("ResultT")

RETENTION_SECONDS = 48 * 3_600
"""Twice as long as the service keeps an unfinished upload."""
BUSY_SECONDS = 10.0
BUSY_POLL_SECONDS = 0.02
_PRIMARY_CODE = 0xFF
"""Of an extended error code, such as SQLITE_BUSY_RECOVERY."""
TABLE = """
CREATE TABLE IF NOT EXISTS unfinished (
    server TEXT, account TEXT, path BLOB, size_bytes INTEGER, modified_ns INTEGER,
    idempotency_key TEXT NOT NULL, item_id TEXT, noted_at REAL NOT NULL,
    PRIMARY KEY (server, account, path, size_bytes, modified_ns)
) WITHOUT ROWID
"""
KEY_MATCHES = "server = ? AND account = ? AND path = ? AND size_bytes = ? AND modified_ns = ?"


@dataclass(frozen=True, slots=True)
class FileKey:
    """One version of one file, uploaded to one account."""

    server: str
    account: AccountId
    path: Path
    size_bytes: int
    modified_ns: int

    def columns(self) -> tuple[str, str, bytes, int, int]:
        return self.server, self.account, bytes(self.path), self.size_bytes, self.modified_ns


@dataclass(frozen=True, slots=True)
class Unfinished:
    idempotency_key: str
    """The key with which the item was, or was about to be, created."""
    item_id: ItemId | None


class UploadJournal:
    """A SQLite file that several processes may use at the same time; created on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._database: sqlite3.Connection | None = None

    async def aclose(self) -> None:
        if self._database is not None:
            await asyncio.to_thread(self._database.close)
            self._database = None

    async def get(self, key: FileKey) -> Unfinished | None:
        statement = f"SELECT idempotency_key, item_id FROM unfinished WHERE {KEY_MATCHES}"  # noqa: S608 - a constant
        row = await self._run(lambda database: database.execute(statement, key.columns()).fetchone())
        return None if row is None else Unfinished(row[0], None if row[1] is None else ItemId(row[1]))

    async def put(self, key: FileKey, entry: Unfinished) -> None:
        """Replace the file's entry."""
        statement = "INSERT OR REPLACE INTO unfinished VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        values = (*key.columns(), entry.idempotency_key, entry.item_id, time.time())
        await self._run(lambda database: database.execute(statement, values))

    async def remove(self, key: FileKey) -> None:
        statement = f"DELETE FROM unfinished WHERE {KEY_MATCHES}"  # noqa: S608 - a constant
        await self._run(lambda database: database.execute(statement, key.columns()))

    async def has_item(self, item_id: ItemId) -> bool:
        """Return True if a file on this machine has an entry for the item."""
        statement = "SELECT 1 FROM unfinished WHERE item_id = ?"
        row = await self._run(lambda database: database.execute(statement, (item_id,)).fetchone())
        return row is not None

    async def _run(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        async with self._lock:
            return await asyncio.to_thread(self._with_database, work)

    def _with_database(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        try:
            if self._database is None:
                self._database = _open(self._path)
            return work(self._database)
        except (sqlite3.Error, OSError) as error:
            raise UnusableState(f"{self._path}, which remembers unfinished uploads, cannot be used: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, no space or no permission: no reason to delete it
            raise
        path.unlink()  # not a database: only resuming is lost, and the list of own items makes up for it
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with closing(database.cursor()) as cursor:
            _use_wal(cursor)
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute(TABLE)
            cursor.execute("DELETE FROM unfinished WHERE noted_at < ?", (time.time() - RETENTION_SECONDS,))
    except sqlite3.Error:
        database.close()
        raise
    return database


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to a write-ahead log; called in a thread.

    While another process does the same, or still writes without that log, SQLite fails at once, whatever its timeout.
    """
    ends_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                raise
            time.sleep(BUSY_POLL_SECONDS)
        else:
            return
