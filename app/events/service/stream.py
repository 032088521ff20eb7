"""Live streams of a log: one watcher per account and process reads it for any number of streams."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import structlog
from pydantic import ValidationError

from app.events.service.log import EventLog
from app.events.store.log import PAGE_EVENTS, EventStore
from app.jobs.backoff import Backoff
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically
from darkroom_shared.events import Event, Progress
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.problems import EventsGone
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

log = structlog.get_logger()

HEARTBEAT_SECONDS = 15.0
"""Load balancers close a connection that is idle for 60 s."""
SWEEP_SECONDS = 15.0
"""Maximum delay of an event if all nudges are lost."""
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 8.0
RECENT_EVENTS = 500
"""Buffered per watched account, so that its streams do not each read the log."""


MAX_IN_PROGRESS = 100
"""Items per account whose progress is buffered for its streams."""


def event_channel(account: AccountId) -> str:
    return f"events:{account}"


def progress_channel(account: AccountId) -> str:
    return f"progress:{account}"


class Nudges(Protocol):
    """Messages between processes, without guaranteed delivery."""

    def listen(self, channel: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """Return an event that is set at each message on the channel."""
        ...

    def subscribe(self, channel: str, take: Callable[[bytes], None]) -> AbstractContextManager[None]:
        """Call `take` with each message."""
        ...


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sent at intervals, also between events, so that the route can check the session."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Events after the cursor have expired: the client must list again and resume from `head`."""

    head: int


Signal = Event | Heartbeat | Reset | Progress


class _Watcher:
    """Buffers the log of one account up to `head`; `changed` is set and replaced at each new event or progress."""

    def __init__(self, account: AccountId) -> None:
        self.account = account
        self.head: int | None = None
        self.recent: deque[Event] = deque(maxlen=RECENT_EVENTS)
        self.changed = asyncio.Event()
        self.nudged = asyncio.Event()
        self.received = 0
        self._progress: dict[ItemId, tuple[int, Progress]] = {}
        self.streams = 0
        self.task: asyncio.Task[None] | None = None

    def add(self, events: list[Event]) -> None:
        self.recent.extend(events)
        self.head = events[-1].number
        self._wake()

    def receive(self, message: bytes) -> None:
        """Store an item's latest progress. A stream gets only progress that is received after its start."""
        try:
            progress = Progress.model_validate_json(message)
        except ValidationError as error:
            log.warning("progress.unreadable", account=self.account, errors=error.error_count())
            return
        self.received += 1
        self._progress.pop(progress.id, None)
        if len(self._progress) >= MAX_IN_PROGRESS:
            del self._progress[next(iter(self._progress))]
        self._progress[progress.id] = self.received, progress
        self._wake()

    def progress_since(self, received: int) -> list[Progress]:
        return [progress for number, progress in self._progress.values() if number > received]

    def _wake(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def since(self, cursor: int) -> list[Event] | None:
        """Return the buffered events after `cursor`; None if the buffer does not reach back that far."""
        if self.head is None:
            return None
        if cursor >= self.head:
            return []
        if self.recent and self.recent[0].number <= cursor + 1:
            return [event for event in self.recent if event.number > cursor]
        return None


class LiveEvents:
    """One per process, used as an async context manager."""

    def __init__(
        self, *, event_log: EventLog, store: EventStore, nudges: Nudges, clock: Clock, stopping: asyncio.Event
    ) -> None:
        """`stopping` ends all streams when set, so that a process can stop without waiting for its clients."""
        self._log, self._store, self._nudges, self._clock = event_log, store, nudges, clock
        self._watchers: dict[AccountId, _Watcher] = {}
        self._tasks = TaskGroup()
        self._own: list[asyncio.Task[None]] = []
        self._stopping = stopping

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._own = [self._tasks.create_task(self._sweep()), self._tasks.create_task(self._end_streams())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._own + [watcher.task for watcher in self._watchers.values() if watcher.task]:
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    async def _end_streams(self) -> None:
        await self._stopping.wait()
        for watcher in self._watchers.values():
            watcher.changed.set()

    @property
    def watched(self) -> int:
        """The number of watched accounts."""
        return len(self._watchers)

    async def stream(self, account: AccountId, after: int) -> AsyncGenerator[Signal]:
        """Yield every event after `after`, and progress as it is published; a heartbeat at most every 15 s.

        Ends only when the process stops. Use with `aclosing`.
        """
        loop = asyncio.get_running_loop()
        async with self._watched(account) as watcher:
            cursor, beat_at, received = after, loop.time() + HEARTBEAT_SECONDS, watcher.received
            while not self._stopping.is_set():
                changed = watcher.changed
                events = watcher.since(cursor)
                if events is None:
                    try:
                        page = await self._log.read(account, cursor, limit=PAGE_EVENTS)
                    except EventsGone as gone:
                        cursor = gone.extras["head"]
                        yield Reset(cursor)
                        continue
                    events = list(page.events)
                    if cursor > page.head:
                        cursor = page.head
                        yield Reset(cursor)
                for event in events:
                    cursor = event.number
                    yield event
                updates, received = watcher.progress_since(received), watcher.received
                for progress in updates:
                    yield progress
                if loop.time() >= beat_at:
                    beat_at = loop.time() + HEARTBEAT_SECONDS
                    yield Heartbeat()
                if not events and not updates:
                    with suppress(TimeoutError):
                        async with asyncio.timeout_at(beat_at):
                            await changed.wait()

    async def wait(self, account: AccountId, after: int, seconds: float) -> None:
        """Return once there is an event after `after`, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self.stream(account, after)) as signals:
                async for signal in signals:
                    if isinstance(signal, Event | Reset):
                        return

    @asynccontextmanager
    async def _watched(self, account: AccountId) -> AsyncIterator[_Watcher]:
        watcher = self._watchers.get(account)
        if watcher is None:
            watcher = self._watchers[account] = _Watcher(account)
            watcher.task = self._tasks.create_task(self._watch(watcher))
        watcher.streams += 1
        try:
            yield watcher
        finally:
            watcher.streams -= 1
            if watcher.streams == 0 and watcher.task is not None:
                del self._watchers[account]
                watcher.task.cancel()

    async def _watch(self, watcher: _Watcher) -> None:
        channel = progress_channel(watcher.account)
        async with self._nudges.listen(event_channel(watcher.account)) as nudged:
            with self._nudges.subscribe(channel, watcher.receive):
                await self._stream_log(watcher, nudged)

    async def _stream_log(self, watcher: _Watcher, nudged: asyncio.Event) -> None:
        watcher.nudged = nudged
        backoff = Backoff(RETRY_SECONDS, MAX_RETRY_SECONDS)
        while True:
            nudged.clear()
            if await isolate(self._catch_up(watcher), "watcher", account=watcher.account):
                backoff.succeeded()
                await nudged.wait()
            else:
                await asyncio.sleep(backoff.failed())

    async def _catch_up(self, watcher: _Watcher) -> None:
        if watcher.head is None:
            watcher.head = (await self._store.head(watcher.account)).last
            return
        while True:
            page = await self._store.after(watcher.account, watcher.head, now=self._clock())
            if page.events:
                watcher.add(page.events)
            if not page.more:
                return

    async def _sweep(self) -> None:
        """Read the heads of all watched accounts periodically, in case nudges were lost."""

        async def sweep(_shard: int) -> None:
            for account, head in (await self._store.heads(list(self._watchers))).items():
                watcher = self._watchers.get(account)
                if watcher is not None and head.last > (watcher.head or 0):
                    watcher.nudged.set()

        await run_periodically("watchers", SWEEP_SECONDS, self._stopping, sweep)
