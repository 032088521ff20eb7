"""The catalogue of objects, uploads and buckets in SQLite, and the two threads that access it.

Rows are authoritative, files only hold what rows reference: a file without a row does not exist, and a file is on
disk before its row.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

VERSION = 1
_SCHEMA = f"""
CREATE TABLE buckets (name TEXT PRIMARY KEY, created INTEGER NOT NULL, cors TEXT) STRICT, WITHOUT ROWID;
-- Keys are UTF-8 in BLOBs: compared byte by byte, which is S3's order.
CREATE TABLE objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, content TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, headers TEXT NOT NULL, algorithm TEXT, checksum TEXT, PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
-- A copy shares its content: the last object that names it takes the pieces along.
CREATE INDEX objects_by_content ON objects (content);
CREATE TABLE uploads (
    bucket TEXT NOT NULL, key BLOB NOT NULL, content TEXT NOT NULL, started INTEGER NOT NULL, headers TEXT NOT NULL,
    algorithm TEXT, PRIMARY KEY (bucket, key, content)
) STRICT, WITHOUT ROWID;
-- The bytes of an object or of an upload, in order; a single PUT is one piece with number 1.
CREATE TABLE pieces (
    content TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    checksum TEXT, modified INTEGER NOT NULL, PRIMARY KEY (content, number)
) STRICT, WITHOUT ROWID;
-- Files that no row names any more and that may still be on disk.
CREATE TABLE leftovers (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


class NewerVersion(Exception):
    """The folder was written by a later release of this server."""


class Catalogue:
    """`read` and `write` run a function on a connection as one transaction; a write is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader_thread = ThreadPoolExecutor(1, "catalogue-reader")
        self._writer_thread = ThreadPoolExecutor(1, "catalogue-writer")

    async def open(self) -> None:
        """Open both connections. Raises NewerVersion."""
        loop = asyncio.get_running_loop()
        self._writer = await loop.run_in_executor(self._writer_thread, _opened, self._path)
        self._reader = await loop.run_in_executor(self._reader_thread, _opened, self._path)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reader_thread, self._reader.close)
        await loop.run_in_executor(self._writer_thread, self._writer.close)
        self._reader_thread.shutdown()
        self._writer_thread.shutdown()

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader_thread, _transaction, self._reader, "BEGIN", work)

    async def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a write transaction. After cancellation it is unknown whether it was committed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer_thread, _transaction, self._writer, "BEGIN IMMEDIATE", work)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an acknowledged write also survives a power failure
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
    elif version > VERSION:
        connection.close()
        raise NewerVersion
    return connection


def _transaction(connection: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], Result]) -> Result:
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
