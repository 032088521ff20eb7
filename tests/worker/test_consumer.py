"""A consumer's stop: messages that can be finished in time are, the others are returned immediately."""

import asyncio
from datetime import timedelta

from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from darkroom_shared.ids import new_ulid
from tests.services import Services

PLENTY_SECONDS = 60.0


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
            self.ended.append((name, "given back"))
            raise
        self.ended.append((name, "finished"))


async def test_a_stopping_worker_waits_only_for_messages_that_can_be_finished(services: Services) -> None:
    queues, work, stopping = services.base.amazon.queues, Work(), asyncio.Event()
    recoverable, hopeless = new_ulid(), new_ulid()
    consumer = Consumer(
        queues,
        NUDGES_QUEUE,
        2,
        timedelta(seconds=30),
        work.handle,
        lambda message, _: message.body.get("name") == recoverable,
    )
    running = asyncio.create_task(consumer.run(stopping, PLENTY_SECONDS))
    for name in (recoverable, hopeless):
        await queues.send(NUDGES_QUEUE, {"name": name}, group="tests")
    async with asyncio.timeout(PLENTY_SECONDS):
        await work.begun.acquire()
        await work.begun.acquire()
        stopping.set()
        while not work.ended:  # noqa: ASYNC110  no event of the list
            await asyncio.sleep(0.005)
        assert work.ended == [(hopeless, "given back")]
        work.done[recoverable].set()
        await running
    assert work.ended == [(hopeless, "given back"), (recoverable, "finished")]
