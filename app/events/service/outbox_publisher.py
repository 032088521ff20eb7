"""Moving events from the outbox into the logs, exactly once per account and dedupe key, also after a crash."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import structlog

from app.events.service.log import ActionRefused, EventLog, NewEvent
from app.events.store.outbox import OutboxRow, OutboxStore, mark_action
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import NotFound, Problem
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

log = structlog.get_logger()

BATCH = 40
"""Rows per transaction, each with its mark: 80 actions, below the 90 of the log's batches."""
MAX_BATCHES = 5
"""Per account and run, so that thousands of rows of one account do not delay the others."""
CONCURRENCY = 8
"""Accounts."""
POLL_SECONDS = 0.02
MAX_POLLS = 25
"""A hint comes before the commit, which is awaited for this many polls; a worker's poll publishes later ones."""
MAX_HINTS = 1_000
_TYPES: frozenset[str] = frozenset(EventType)


class OutboxRelay:
    def __init__(self, store: OutboxStore, event_log: EventLog, clock: Clock) -> None:
        self._store, self._log, self._clock = store, event_log, clock

    async def waiting(self) -> list[AccountId]:
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


@dataclass(eq=False, slots=True)
class _Hint:
    owed: int = 1
    """Announced rows that are not published yet; a poll may find the earlier ones before the last has committed."""
    attempts: int = 0


class PromptPublisher:
    """Publishes this process's own rows before the next poll. One per process, used as an async context manager.

    It retries little, because the workers' polls find all rows.
    """

    def __init__(self, relay: OutboxRelay) -> None:
        self._relay = relay
        self._hints: dict[AccountId, _Hint] = {}
        self._hinted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def hint(self, account: AccountId) -> None:
        if known := self._hints.get(account):
            known.owed, known.attempts = known.owed + 1, 0
        elif len(self._hints) < MAX_HINTS:
            self._hints[account] = _Hint()
        self._hinted.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(_report_crash)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        semaphore = asyncio.Semaphore(CONCURRENCY)
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            await asyncio.sleep(POLL_SECONDS)
            async with TaskGroup() as tasks:
                for account, hint in list(self._hints.items()):
                    tasks.create_task(self._publish_with_hint(semaphore, account, hint))
            if self._hints:
                self._hinted.set()

    async def _publish_with_hint(self, semaphore: asyncio.Semaphore, account: AccountId, hint: _Hint) -> None:
        async with semaphore:
            settled = hint.owed
            try:
                settled = await self._relay.publish(account)
            except Problem as problem:
                log.warning("publisher.waits", account=account, reason=str(problem))
        hint.owed, hint.attempts = hint.owed - settled, hint.attempts + 1
        if hint.owed <= 0 or hint.attempts >= MAX_POLLS:
            del self._hints[account]


def _report_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("publisher.crashed", exc_info=error)
