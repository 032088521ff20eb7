"""Consumer of one queue: it receives as many messages as slots are free and handles each in its own task."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from app.jobs.backoff import Backoff
from app.jobs.isolation import Result, capture, isolate
from app.stores.sqs import MAX_MESSAGES, Message, Queues
from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()


class Consumer:
    """Messages that `handle` does not delete are delivered again; its errors are logged and end nothing else.

    After as many failures in a row as there are slots, the consumer receives more only after waits that grow.
    """

    def __init__(
        self,
        *,
        queues: Queues,
        queue: str,
        slots: int,
        lease: timedelta,
        handle: Callable[[Message], Awaitable[bool | None]],
        can_finish: Callable[[Message, float], bool] = lambda _message, _seconds: True,
    ) -> None:
        """A received message is hidden from other consumers for `lease`. An attempt renews it together with its claim.

        `handle` returns False, or raises, if the message could not be processed now, and None if there was nothing to
        do, for example for a duplicate: it does not reset the backoff that failures of the original have caused.
        `can_finish` returns whether the work on a message may be done within the given seconds.
        """
        self._queues, self._queue, self._lease, self._handle = queues, queue, lease, handle
        self._slots, self._free = slots, asyncio.Semaphore(slots)
        self._can_finish = can_finish
        self._working: dict[asyncio.Task[None], Message] = {}
        self._receive_backoff, self._handle_backoff = Backoff(), Backoff()
        self._failures = 0
        """Messages that failed since the last one that was processed."""
        self._resume_at = 0.0
        """Nothing is received before this time of the event loop."""

    @property
    def queue(self) -> str:
        return self._queue

    @property
    def in_work(self) -> int:
        """The number of messages that are being handled."""
        return len(self._working)

    async def run(self, stopping: asyncio.Event, grace_seconds: float) -> None:
        """Run until `stopping`, then let work in progress finish within the grace and cancel the rest.

        Work that cannot finish in that time is cancelled at once.
        """
        async with TaskGroup() as tasks:
            receiving = tasks.create_task(self._receive_for_ever(tasks))
            await stopping.wait()
            receiving.cancel()
            for task, message in self._working.items():
                if not self._can_finish(message, grace_seconds):
                    task.cancel()
            if self._working:
                _, late = await asyncio.wait(self._working, timeout=grace_seconds)
                for task in late:
                    task.cancel()

    async def _receive_for_ever(self, tasks: TaskGroup) -> None:
        while True:
            await self._free.acquire()
            held = 1
            try:
                while held < MAX_MESSAGES and not self._free.locked():
                    await self._free.acquire()
                    held += 1
                await asyncio.sleep(self._resume_at - asyncio.get_running_loop().time())
                for message in await self._receive(held):
                    task = tasks.create_task(self._work_on(message))
                    held -= 1
                    self._working[task] = message
                    task.add_done_callback(self._done)
            finally:
                for _ in range(held):
                    self._free.release()

    async def _receive(self, limit: int) -> list[Message]:
        hidden_seconds = int(self._lease.total_seconds())
        received = await capture(self._queues.receive(self._queue, limit=limit, hidden_seconds=hidden_seconds))
        match received:
            case Result(value=messages):
                self._receive_backoff.succeeded()
                return messages
            case Problem() as problem:
                log.warning("queue.unavailable", queue=self._queue, reason=str(problem))
            case error:
                log.error("queue.crashed", queue=self._queue, exc_info=error)
        self._pause(self._receive_backoff)
        return []

    async def _work_on(self, message: Message) -> None:
        handled: bool | None = False

        async def handle() -> None:
            nonlocal handled
            handled = await self._handle(message)

        await isolate(handle(), "message", queue=self._queue)
        if handled is None:
            return
        if handled:
            self._failures = 0
            self._handle_backoff.succeeded()
            return
        self._failures += 1
        if self._failures >= self._slots:  # so that a failing message among successful ones does not delay them
            self._pause(self._handle_backoff)

    def _pause(self, backoff: Backoff) -> None:
        """Delay the next receive. What fails during a pause was received before it and does not extend it."""
        now = asyncio.get_running_loop().time()
        if now >= self._resume_at:
            pause = backoff.failed()
            self._resume_at = now + pause
            log.warning("queue.paused", queue=self._queue, wait_seconds=pause)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._free.release()
