"""Moving events from the outbox into the logs, exactly once per account and dedupe key, also after a crash."""

import asyncio
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from app.events.service.log import ActionRefused, EventLog, NewEvent
from app.events.store.outbox import OutboxRow, OutboxStore, mark_action
from app.jobs.isolation import isolate
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock

log = structlog.get_logger()

BATCH = 40
"""Rows per transaction, each with its mark: 80 actions, below the 90 of the log's batches."""
MAX_BATCHES = 5
"""Per account and run, so that thousands of rows of one account do not delay the others."""
CONCURRENCY = 8
"""Accounts."""
MAX_HINTS = 1_000
"""Accounts that wait to be published by one process."""
_TYPES: frozenset[str] = frozenset(EventType)


class OutboxPublisher:
    """Moves events from the outbox in the database to the logs."""

    def __init__(self, store: OutboxStore, event_log: EventLog, clock: Clock) -> None:
        self._store, self._log, self._clock = store, event_log, clock

    async def waiting(self) -> list[AccountId]:
        """Return accounts with unpublished events; a bounded number."""
        return await self._store.accounts()

    async def late(self, since: datetime) -> int:
        """Return the number of accounts with an unpublished event that was written before `since`."""
        return await self._store.late(since)

    async def publish(self, account: AccountId) -> int:
        """Publish the account's rows and return their number; more may wait. Idempotent, also for concurrent runs."""
        count = 0
        for _ in range(MAX_BATCHES):
            rows = _known(await self._store.rows(account, BATCH))
            if rows:
                await self._append(account, rows)
                await self._store.delete(rows)
            count += len(rows)
            if len(rows) < BATCH:
                break
        return count

    async def _append(self, account: AccountId, rows: list[OutboxRow]) -> None:
        """Append the rows in one transaction with their marks; leave out rows whose mark exists: they are published."""
        now = self._clock()
        marks = {mark_action(account, row, now): row for row in rows}
        while marks:
            events = [NewEvent(EventType(row.type), row.subject, row.data) for row in marks.values()]
            try:
                await self._log.append(account, events, list(marks))
            except ActionRefused as refused:
                marks = {mark: row for mark, row in marks.items() if mark not in refused.refused}
            except NotFound:
                return  # the account is being erased
            else:
                return


def _known(rows: list[OutboxRow]) -> list[OutboxRow]:
    """Return the rows before the first of a type that this release does not know: a newer worker publishes the rest."""
    for index, row in enumerate(rows):
        if row.type not in _TYPES:
            log.warning("event.unknown", type=row.type)
            return rows[:index]
    return rows


class PromptPublisher:
    """Publishes the rows that this process has just committed. One per process, used as an async context manager.

    One task at a time publishes an account, so its events keep their order. What fails, exceeds MAX_HINTS, or is open
    when the process stops is published by the workers' poll.
    """

    def __init__(self, publisher: OutboxPublisher) -> None:
        self._publisher = publisher
        self._hinted: set[AccountId] = set()
        """Accounts with rows that were committed since their last publication began."""
        self._publishing: set[AccountId] = set()
        self._next: asyncio.Queue[AccountId] = asyncio.Queue()
        """The hinted accounts that no task publishes."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def hint(self, account: AccountId) -> None:
        """Publish the account's rows now, in the background; they must be committed."""
        if account in self._hinted or len(self._hinted) >= MAX_HINTS:
            return
        self._hinted.add(account)
        if account not in self._publishing:
            self._next.put_nowait(account)

    async def __aenter__(self) -> Self:
        self._tasks = {asyncio.create_task(self._run()) for _ in range(CONCURRENCY)}
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _run(self) -> None:
        while not self._closing:  # a driver may swallow a cancellation
            account = await self._next.get()
            self._hinted.discard(account)
            self._publishing.add(account)
            await isolate(self._publish(account), "outbox", account=account)
            self._publishing.discard(account)
            if account in self._hinted:
                self._next.put_nowait(account)

    async def _publish(self, account: AccountId) -> None:
        if await self._publisher.publish(account) == BATCH * MAX_BATCHES:
            self.hint(account)  # more may wait
