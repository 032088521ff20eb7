"""One SQLite file: a single writer that commits waiting writes together, and concurrent readers.

A write is acknowledged after its commit is on disk, and every read begins after that, so a caller sees its
acknowledged write in every later read.
"""

import asyncio
import fcntl
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from local.tables import statements
from local.tables.catalog import Catalog
from local.tables.errors import TablesError

Outcome = TypeVar("Outcome")
Work = Callable[[sqlite3.Connection], Outcome]
"""Runs in a thread. A write must raise its TablesError before its first change, because nothing rolls it back."""

FORMAT: Final = 1  # of the file; incremented with every change that an older program would misread
READERS: Final = 4
MAX_BATCH_WRITES: Final = 128  # writes that share one commit
PAGE_CACHE_KIB: Final = 16 * 1024
CHECKPOINT_PAGES: Final = 4000  # 16 MB of log, then a checkpoint: pauses are rarer than with SQLite's 1,000
LOG_BYTES: Final = 64 * 1024 * 1024
BUSY_MILLISECONDS: Final = 5000


class NewerFormat(Exception):
    """The file was written by a newer program."""


class FileInUse(Exception):
    """Another process has the file open."""


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    changes_schema: bool
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Database:
    """Call `open`, then `write`, `change_schema` and `read`; finally `close`. `serve` must run meanwhile."""

    def __init__(self, file: Path) -> None:
        self.catalog = Catalog()
        self._file = file
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._put_back: _Job | None = None
        self._writer_thread = ThreadPoolExecutor(1, "writer")
        self._reader_threads = ThreadPoolExecutor(READERS, "reader")
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._lock: IO[bytes] | None = None

    async def open(self) -> None:
        """Open the file; create it if absent. Raises FileInUse, NewerFormat, OSError or sqlite3.Error."""
        self._lock = await self._in_writer(self._take_lock)
        self._writer = await self._in_writer(self._open_writer)

    async def close(self) -> None:
        """Close all connections. No call may be in progress."""
        self._reader_threads.shutdown()
        for connection in self._opened:
            connection.close()
        if self._writer is not None:
            await self._in_writer(self._writer.close)  # the last connection to close checkpoints the log into the file
        self._writer_thread.shutdown()
        if self._lock is not None:
            self._lock.close()

    async def write(self, work: Work[Outcome]) -> Outcome:
        """Run `work` on the writer's connection; return when it is on disk."""
        return await self._submit(work, changes_schema=False)

    async def change_schema(self, work: Work[Outcome]) -> Outcome:
        """Run `work` like `write`; for work that creates or changes tables."""
        return await self._submit(work, changes_schema=True)

    async def read(self, work: Work[Outcome]) -> Outcome:
        """Run `work` on a reader's connection, where each statement sees every acknowledged write."""
        return await asyncio.get_running_loop().run_in_executor(self._reader_threads, self._run_read, work)

    async def serve(self) -> None:
        """Commit writes as they arrive, until cancelled."""
        while True:
            jobs = await self._next_batch()
            committing = asyncio.ensure_future(self._in_writer(partial(self._commit, jobs)))
            await asyncio.wait([committing])
            if error := committing.exception():
                _settle(jobs, [error] * len(jobs))
            else:
                _settle(jobs, committing.result())

    async def _submit(self, work: Work[Outcome], *, changes_schema: bool) -> Outcome:
        job = _Job(work, changes_schema)
        self._jobs.put_nowait(job)
        outcome: Outcome = await job.outcome
        return outcome

    async def _next_batch(self) -> list[_Job]:
        first, self._put_back = self._put_back or await self._jobs.get(), None
        jobs = [first]
        while not first.changes_schema and len(jobs) < MAX_BATCH_WRITES and not self._jobs.empty():
            job = self._jobs.get_nowait()
            # it is committed alone, so that no write in its batch uses the old definition of a table
            if job.changes_schema:
                self._put_back = job
                break
            jobs.append(job)
        return jobs

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        assert self._writer is not None, "the database is open"  # noqa: S101  # for the type checker
        self._writer.execute("BEGIN IMMEDIATE")
        with self._writer:
            outcomes = [_attempt(job.work, self._writer) for job in jobs]
        if jobs[0].changes_schema:
            self.catalog.load(self._writer)
        return outcomes

    def _run_read(self, work: Work[Outcome]) -> Outcome:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            connection.execute("PRAGMA query_only = TRUE")
            self._opened.append(connection)
        return work(connection)

    def _take_lock(self) -> IO[bytes]:
        """Lock the file. The lock ends with the process, however it ends."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        lock = self._file.with_name(f"{self._file.name}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise FileInUse(str(self._file)) from None
        return lock

    def _open_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise NewerFormat(f"{self._file} has format {version}, this program knows {FORMAT}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        connection.executescript(f"BEGIN IMMEDIATE; {statements.CATALOG} PRAGMA user_version = {FORMAT}; COMMIT;")
        self.catalog.load(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._file,
            timeout=BUSY_MILLISECONDS / 1000,
            isolation_level=None,  # transactions begin and end explicitly
            check_same_thread=False,  # each connection is used by one thread and closed by another
            cached_statements=512,
        )
        connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
        return connection

    def _in_writer(self, call: Callable[[], Outcome]) -> Awaitable[Outcome]:
        return asyncio.get_running_loop().run_in_executor(self._writer_thread, call)


def _attempt(work: Work[Any], connection: sqlite3.Connection) -> Any:
    try:
        return work(connection)
    except TablesError as error:
        return error


def _settle(jobs: list[_Job], outcomes: list[Any]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.outcome.done():  # the caller was cancelled
            continue
        if isinstance(outcome, BaseException):
            job.outcome.set_exception(outcome)
        else:
            job.outcome.set_result(outcome)
