"""An unexpected exception costs one attempt of one job and ends no loop."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from app.items.schema.row import ItemRow, Lane
from app.jobs.attempt import AttemptRunner
from app.jobs.claim import MAX_LOST_ATTEMPTS
from app.jobs.loop import run_periodically
from app.stores.aws_errors import CallRejected
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.item_attempts import ItemJob, item_attempts
from app.worker.steps import Steps
from darkroom_shared.ids import new_ulid
from darkroom_shared.items import FailureCode, ItemState
from darkroom_shared.problems import Unavailable
from tests.servers import free_port
from tests.services import ManualClock, Services, Stores, open_services
from tests.worker.harness import WorkerHarness, a_tiny_photo, attempt_parts, message

LIMIT_SECONDS = 60.0
SECRET = "holiday in Brest"
UNEXPECTED = (KeyError(SECRET), ValueError(SECRET), RecursionError(SECRET))


class Failing:
    """A pipeline that raises in its first step."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        raise self._error


def failing(services: Services, error: Exception) -> AttemptRunner[ItemJob]:
    parts = attempt_parts(services.base)
    return item_attempts(lane=Lane.EXPRESS, work=services.work, pipeline=Failing(error), parts=parts)


@pytest.mark.parametrize("error", UNEXPECTED, ids=lambda error: type(error).__name__)
async def test_an_unexpected_error_costs_its_item_one_attempt(services: Services, error: Exception) -> None:
    row = await services.queued(a_tiny_photo())
    await failing(services, error).handle(message(row))
    row = await services.row(row)
    assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 1)


async def test_the_fifth_unexpected_error_poisons_the_item_and_its_report_holds_no_text(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    row = await harness.services.queued(a_tiny_photo())
    for _ in range(MAX_LOST_ATTEMPTS):
        clock.advance(minutes=10)
        await failing(harness.services, KeyError(SECRET)).handle(message(row))
    row = await harness.services.row(row)
    assert row.failure is not None
    assert (row.state, row.failure.code) == (ItemState.FAILED, FailureCode.POISONED)
    (report,) = await harness.crash_reports(row)
    assert "KeyError" in report["capsule"]["reason"]
    assert SECRET not in str(report)


async def test_a_crash_report_is_logged_if_the_dead_letter_queue_is_away(
    services: Services, stores: Stores, clock: ManualClock
) -> None:
    row = await services.queued(a_tiny_photo())
    for _ in range(MAX_LOST_ATTEMPTS - 1):
        clock.advance(minutes=10)
        await failing(services, KeyError(SECRET)).handle(message(row))
    clock.advance(minutes=10)
    async with open_services(stores, clock, sqs_endpoint=f"http://127.0.0.1:{free_port()}") as without_queues:
        with capture_logs() as entries:
            await failing(without_queues, KeyError(SECRET)).handle(message(row))
    assert (await services.row(row)).state is ItemState.FAILED
    (logged,) = [entry for entry in entries if entry["event"] == "item.poisoned"]
    assert "KeyError" in logged["crash_report"]["reason"]
    assert not [entry for entry in entries if entry["event"] == "attempt.interrupted"]


async def test_a_store_error_while_an_attempt_ends_leaves_the_message_in_the_queue(services: Services) -> None:
    """The error of the ending must not be hidden in an exception group that no handler catches."""
    row = await services.queued(a_tiny_photo())

    class Ending:
        lease = services.work.lease

        async def claim(self, *_: object) -> ItemRow:
            return row

        async def check(self, _: ItemRow) -> None: ...

        async def renew(self, _: ItemRow) -> None: ...

        async def fail(self, *_: object) -> None: ...

        async def return_claim(self, *_: object) -> None:
            raise Unavailable

        async def record_lost_attempt(self, *_: object) -> ItemRow:
            raise Unavailable

    parts = attempt_parts(services.base)
    for error in (Unavailable(), OSError(), KeyError()):
        attempts = item_attempts(lane=Lane.EXPRESS, work=Ending(), pipeline=Failing(error), parts=parts)
        assert not await attempts.handle(message(row))


async def test_an_attempt_without_a_claim_is_reported_to_the_consumer(
    services: Services, stores: Stores, clock: ManualClock
) -> None:
    row = await services.queued(a_tiny_photo())
    async with open_services(stores, clock, dynamodb_endpoint=f"http://127.0.0.1:{free_port()}") as without_rows:
        assert not await failing(without_rows, KeyError(SECRET)).handle(message(row))


async def test_a_handler_that_raises_does_not_end_the_consumer(services: Services) -> None:
    queues, stopping, done = services.base.amazon.queues, asyncio.Event(), asyncio.Event()
    name = new_ulid()

    async def handle(received: Message) -> None:
        await queues.delete(NUDGES_QUEUE, received.receipt_handle)
        if received.body.get("name") == f"{name} good":
            done.set()
        elif received.body.get("name") == f"{name} bad":
            raise KeyError(name)

    consumer = Consumer(queues=queues, queue=NUDGES_QUEUE, slots=1, lease=timedelta(seconds=30), handle=handle)
    running = asyncio.create_task(consumer.run(stopping, 1))
    for kind in ("bad", "bad", "good"):
        await queues.send(NUDGES_QUEUE, {"name": f"{name} {kind}"}, group="tests")
    async with asyncio.timeout(LIMIT_SECONDS):
        await done.wait()
        stopping.set()
        await running


@pytest.mark.parametrize(
    "error", [*UNEXPECTED, CallRejected(SECRET), Unavailable()], ids=lambda error: type(error).__name__
)
async def test_a_failed_poll_is_retried_at_the_next_interval(error: Exception) -> None:
    stopping, calls = asyncio.Event(), 0

    async def failing_poll(_shard: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            stopping.set()
        raise error

    async with asyncio.timeout(LIMIT_SECONDS):
        await run_periodically("tests", 0.01, stopping, failing_poll)
    assert calls == 3
