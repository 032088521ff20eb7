"""A consumer's stop: messages that can be finished in time are, the others are returned immediately."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from app.jobs.backoff import Backoff
from app.jobs.loop import running
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from darkroom_shared.ids import new_ulid
from tests.services import Services

PLENTY_SECONDS = 60.0
SLOTS = 2


class Work:
    """Handles each message until its event in `done` is set."""

    def __init__(self) -> None:
        self.done: dict[str, asyncio.Event] = {}
        self.ended: list[tuple[str, str]] = []
        self.begun = asyncio.Semaphore(0)

    async def handle(self, message: Message) -> None:
        name = message.body.get("name")
        if name is None:
            return  # a nudge left by another test
        self.done[name] = asyncio.Event()
        self.begun.release()
        try:
            await self.done[name].wait()
        except asyncio.CancelledError:
            self.ended.append((name, "returned"))
            raise
        self.ended.append((name, "finished"))


async def test_a_stopping_worker_waits_only_for_messages_that_can_be_finished(services: Services) -> None:
    queues, work, stopping = services.base.amazon.queues, Work(), asyncio.Event()
    recoverable, failing = new_ulid(), new_ulid()
    consumer = Consumer(
        queues=queues,
        queue=NUDGES_QUEUE,
        slots=2,
        lease=timedelta(seconds=30),
        handle=work.handle,
        can_finish=lambda message, _: message.body.get("name") == recoverable,
    )
    consuming = asyncio.create_task(consumer.run(stopping, PLENTY_SECONDS))
    for name in (recoverable, failing):
        await queues.send(NUDGES_QUEUE, {"name": name}, group="tests")
    async with asyncio.timeout(PLENTY_SECONDS):
        await work.begun.acquire()
        await work.begun.acquire()
        stopping.set()
        while not work.ended:  # noqa: ASYNC110  no event of the list
            await asyncio.sleep(0.005)
        assert work.ended == [(failing, "returned")]
        work.done[recoverable].set()
        await consuming
    assert work.ended == [(failing, "returned"), (recoverable, "finished")]


async def test_the_consumer_waits_longer_and_longer_while_every_message_fails(services: Services) -> None:
    failed = 0

    async def fail(message: Message) -> bool:
        nonlocal failed
        failed += 1
        if failed % 2:
            raise KeyError(message.receipt_handle)
        return False

    entries = await _consume(services, fail, messages=12, until=lambda entries: len(_pauses(entries)) == 3)
    pauses = _pauses(entries)
    assert pauses == sorted(pauses)
    assert pauses[-1] > Backoff.first_seconds
    assert failed < 12


async def test_duplicates_of_failing_messages_do_not_end_the_waits(services: Services) -> None:
    """While S3 is unavailable, each item has two messages: one fails, the claim of the other is refused."""
    handled = 0

    async def fail_or_refuse(_message: Message) -> bool | None:
        nonlocal handled
        handled += 1
        return False if handled % 2 else None

    entries = await _consume(services, fail_or_refuse, messages=12, until=lambda entries: len(_pauses(entries)) == 3)
    pauses = _pauses(entries)
    assert pauses == sorted(pauses)
    assert pauses[-1] > Backoff.first_seconds
    assert handled < 12


async def test_a_failing_message_among_successful_ones_does_not_delay_the_consumer(services: Services) -> None:
    handled = 0

    async def fail_first(_message: Message) -> bool:
        nonlocal handled
        handled += 1
        return handled > 1

    entries = await _consume(services, fail_first, messages=6, until=lambda _entries: handled == 6)
    assert _pauses(entries) == []


def _pauses(entries: Sequence[Mapping[str, Any]]) -> list[float]:
    return [entry["wait_seconds"] for entry in entries if entry["event"] == "queue.paused"]


async def _consume(
    services: Services,
    handle: Callable[[Message], Awaitable[bool | None]],
    *,
    messages: int,
    until: Callable[[Sequence[Mapping[str, Any]]], bool],
) -> Sequence[Mapping[str, Any]]:
    """Send and consume messages until the log entries satisfy `until`, and return them."""
    queues, stopping, names = services.base.amazon.queues, asyncio.Event(), {new_ulid() for _ in range(messages)}

    async def handle_own(message: Message) -> bool | None:
        await queues.delete(NUDGES_QUEUE, message.receipt_handle)
        return message.body.get("name") not in names or await handle(message)

    for name in names:
        await queues.send(NUDGES_QUEUE, {"name": name}, group=name)
    consumer = Consumer(queues=queues, queue=NUDGES_QUEUE, slots=SLOTS, lease=timedelta(seconds=30), handle=handle_own)
    with capture_logs() as entries:
        async with running(consumer.run(stopping, PLENTY_SECONDS)) as task, asyncio.timeout(PLENTY_SECONDS):
            while not until(entries):  # noqa: ASYNC110  no event of the log
                await asyncio.sleep(0.005)
            stopping.set()
            await task
    return entries
