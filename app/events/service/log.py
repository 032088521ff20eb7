"""Appending to an account's log, in gap-free batches; a change and its events are one transaction."""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from app.events.store.log import EventStore, Head, event_action, head_action
from app.jobs.isolation import capture
from app.stores.dynamo import Action, Dynamo, Refused, TransactionConflict, TransactionRefused
from darkroom_shared.events import Event, EventPage, EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import EventsGone, NotFound, QuotaExceeded, Unavailable
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

MAX_ACTIONS = 90
"""Maximum in a batch; one DynamoDB transaction may have 100."""
ATTEMPTS = 40
"""Attempts of a batch, each lost to a concurrent write or a conflict; the waits below add up to 7 s on average."""
FIRST_WAIT_SECONDS = 0.005
MAX_WAIT_SECONDS = 0.4
LARGE_BATCH = 20
"""A batch of at least this many actions is first announced in the head. That costs one more action; without it a
conflict would waste all actions of the batch."""
ANNOUNCEMENT_LIFETIME = timedelta(seconds=1)
"""How long other processes wait for one that crashed after its announcement."""


class ActionRefused(Exception):
    """The condition of one of the caller's own actions failed; nothing of the caller's entry was written."""

    def __init__(self, refused: frozenset[Action]) -> None:
        super().__init__("refused")
        self.refused = refused


class Nudge(Protocol):
    """Notifies all processes that an account's log has grown; delivery is not guaranteed."""

    async def __call__(self, account: AccountId) -> None: ...


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event without its number and time, which it gets when it is appended."""

    type: EventType
    subject: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HeadChange:
    """A change of the account's counters. It is refused if the bytes would exceed `max_bytes`."""

    items: int = 0
    bytes: int = 0
    max_bytes: int | None = None


@dataclass(eq=False, slots=True)
class _Entry:
    events: tuple[NewEvent, ...]
    also: tuple[Action, ...]
    change: HeadChange
    done: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        return len(self.events) + len(self.also)


class EventLog:
    """One per process, used as an async context manager. Counts the sent and committed actions for benchmarks."""

    def __init__(self, *, store: EventStore, dynamo: Dynamo, nudge: Nudge, clock: Clock) -> None:
        self._store, self._dynamo, self._nudge, self._clock = store, dynamo, nudge, clock
        self._waiting: dict[AccountId, deque[_Entry]] = {}
        self._tasks = TaskGroup()
        self._process = secrets.token_hex(8)
        self.actions_sent = 0
        self.actions_committed = 0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    async def append(
        self,
        account: AccountId,
        events: Sequence[NewEvent],
        also: Sequence[Action] = (),
        change: HeadChange = HeadChange(),
    ) -> int:
        """Write the events and the actions in one transaction; return the number of the last event.

        Raises ActionRefused, QuotaExceeded, NotFound once the account is closing, or Unavailable. After Unavailable the
        transaction may still have been written.
        """
        entry = _Entry(tuple(events), tuple(also), change)
        queue = self._waiting.get(account)
        if queue is None:
            queue = self._waiting[account] = deque()
            self._tasks.create_task(self._drain(account, queue))
        queue.append(entry)
        return await asyncio.shield(entry.done)

    async def head(self, account: AccountId) -> Head:
        """Return the head by a consistent read; it is empty for an account without events."""
        return await self._store.head(account)

    async def close(self, account: AccountId) -> None:
        """Refuse all further changes of the account, in every process, and wake its streams."""
        await self._store.close(account)
        await self._nudge(account)

    async def read(self, account: AccountId, after: int, *, limit: int) -> EventPage:
        """Return the events after the number `after`. Raises EventsGone if some of them have expired."""
        head = await self._store.head(account)
        events: list[Event] = []
        if head.last > after:
            events = (await self._store.after(account, after, now=self._clock(), limit=limit)).events
        expected = events[0].number if events else head.last + 1
        if after < expected - 1:
            raise EventsGone(oldest=expected, head=head.last)
        read_to = events[-1].number if events else after
        return EventPage(events=tuple(events), read_to=read_to, head=head.last)

    async def _drain(self, account: AccountId, queue: deque[_Entry]) -> None:
        await asyncio.sleep(0)  # other appends of this event loop iteration join the first batch
        while queue:
            batch = _take_batch(queue)
            error = await capture(self._commit(account, batch))
            if isinstance(error, Exception):
                for entry in batch:  # passed to every caller
                    _fail(entry, error)
        del self._waiting[account]

    async def _commit(self, account: AccountId, batch: list[_Entry]) -> None:
        wait = FIRST_WAIT_SECONDS
        for _ in range(ATTEMPTS):
            head = await self._store.head(account)
            if head.closing:
                raise NotFound("This account is closed.")
            new_head, events = self._number(head, batch)
            if not batch:
                return
            own = [action for entry in batch for action in entry.also]
            first_own = 1 + len(events)
            try:
                head = await self._announce_large_batch(account, head, first_own + len(own))
                advance = head_action(account, head, new_head, now=self._clock())
                await self._send([advance, *(event_action(account, event) for event in events), *own])
            except TransactionRefused as refused:
                own_refused = frozenset(own[index - first_own] for index in refused.indices if index >= first_own)
                _remove_refused(batch, own_refused)
                if own_refused:
                    continue
            except TransactionConflict:
                pass
            else:
                self._succeed(batch, head.last)
                await self._nudge(account)
                return
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311  jitter, no secret
            wait = min(wait * 2, MAX_WAIT_SECONDS)
        raise Unavailable("Too many changes of this account at once.", retry_after_seconds=1)

    async def _announce_large_batch(self, account: AccountId, head: Head, size: int) -> Head:
        """Return the head; announce a large batch in it first, so that other processes wait instead of failing.

        Raises TransactionConflict if another process has announced a batch.
        """
        now = self._clock()
        if head.is_announced_by_other(self._process, now):
            raise TransactionConflict
        if size < LARGE_BATCH or head.last == 0 or head.appender == self._process:
            return head
        self.actions_sent += 1
        try:
            return await self._store.announce(account, head, self._process, now=now, until=now + ANNOUNCEMENT_LIFETIME)
        except Refused as refused:
            raise TransactionConflict from refused

    async def _send(self, actions: list[Action]) -> None:
        self.actions_sent += len(actions)
        await self._dynamo.transact(actions, secrets.token_hex(16))
        self.actions_committed += len(actions)

    def _number(self, head: Head, batch: list[_Entry]) -> tuple[Head, list[Event]]:
        """Return the next head and the numbered events; entries that would exceed the quota are removed and fail."""
        events: list[Event] = []
        new_head, now = head, self._clock()
        for entry in list(batch):
            used = new_head.bytes_used + entry.change.bytes
            if entry.change.max_bytes is not None and used > entry.change.max_bytes:
                batch.remove(entry)
                _fail(entry, QuotaExceeded(used_bytes=new_head.bytes_used, quota_bytes=entry.change.max_bytes))
                continue
            for new in entry.events:
                number = new_head.last + 1
                events.append(Event(number=number, type=new.type, at=now, subject=new.subject, data=new.data))
                new_head = replace(new_head, last=number)
            new_head = replace(new_head, bytes_used=max(0, used), item_count=new_head.item_count + entry.change.items)
        return new_head, events

    @staticmethod
    def _succeed(batch: list[_Entry], last: int) -> None:
        for entry in batch:
            last += len(entry.events)
            if not entry.done.done():
                entry.done.set_result(last)


def _take_batch(queue: deque[_Entry]) -> list[_Entry]:
    """Take as many entries from the front as fit one transaction; entries with a common row need separate batches."""
    batch: list[_Entry] = []
    rows: set[tuple[str, ...]] = set()
    size = 1
    while queue:
        entry = queue[0]
        touched = {action.identity for action in entry.also}
        if batch and (size + entry.size > MAX_ACTIONS or touched & rows):
            break
        batch.append(queue.popleft())
        rows |= touched
        size += entry.size
    return batch


def _remove_refused(batch: list[_Entry], refused: frozenset[Action]) -> None:
    for entry in list(batch):
        own = frozenset(entry.also) & refused
        if own:
            batch.remove(entry)
            _fail(entry, ActionRefused(own))


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.done.done():
        entry.done.set_exception(error)
        entry.done.exception()  # retrieved here, because a cancelled caller no longer awaits it
