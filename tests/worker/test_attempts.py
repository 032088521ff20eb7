"""How an attempt ends: its cost to the item, and cleanup."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.items.schema.row import ItemRow, Lane
from app.items.service.claims import PROCESSING_LIMIT
from app.jobs.after_commit import AFTER_COMMIT_SECONDS
from app.jobs.claim import LOST_ATTEMPT_WAITS, MAX_LOST_ATTEMPTS
from app.worker.crash_report import dead_letter
from app.worker.item_attempts import item_attempts
from app.worker.item_work import Claims
from app.worker.steps import Steps
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import FailureCode, ItemState
from tests.services import ManualClock
from tests.worker.harness import WorkerHarness, a_detailed_photo, a_large_photo, a_tiny_photo, attempt_parts, message

GONE_SECONDS = 10.0
"""Sooner than the next heartbeat, which comes after 15 s; the drills test the promised 2 s."""
RETURNS = 50


async def test_a_file_that_kills_five_decoders_is_poisoned_and_other_items_are_ready(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    services = harness.services
    poison, *neighbours = [
        await services.queued(content) for content in (a_detailed_photo(), a_tiny_photo(), a_tiny_photo())
    ]
    for attempt in range(1, MAX_LOST_ATTEMPTS + 1):
        clock.advance(minutes=10)
        row = await harness.handle(poison)
        assert (row.attempt, row.lost_attempts) == (attempt, attempt)
        assert row.state is (ItemState.FAILED if attempt == MAX_LOST_ATTEMPTS else ItemState.QUEUED)
    assert row.failure is not None
    assert (row.failure.code, row.failure.retryable) == (FailureCode.POISONED, False)
    for neighbour in neighbours:
        assert (await harness.handle(neighbour)).state is ItemState.READY
    (crash_report,) = await harness.crash_reports(poison)
    assert crash_report["capsule"]["signal"] == "SIGXFSZ"
    assert not list(harness.scratch.iterdir())


async def test_a_slow_queue_gets_the_crash_report_and_a_silent_one_delays_nothing(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, queues = await harness.services.queued(b"a photo"), harness.services.base.amazon.queues
    send = queues.send

    async def send_slowly(*words: Any, **named: Any) -> None:
        await asyncio.sleep(AFTER_COMMIT_SECONDS + 0.5)
        await send(*words, **named)

    monkeypatch.setattr(queues, "send", send_slowly)
    await dead_letter(queues, row, {"reason": "slow"})
    assert [report["capsule"] for report in await harness.crash_reports(row)] == [{"reason": "slow"}]
    monkeypatch.setattr("app.worker.crash_report.DEAD_LETTER_SECONDS", 0.05)
    with capture_logs() as entries:
        await dead_letter(queues, row, {"reason": "silent"})
    assert [entry["event"] for entry in entries] == ["item.poisoned", "after_commit.postponed"]


async def test_the_crash_report_contains_no_user_data(harness: WorkerHarness, clock: ManualClock) -> None:
    row, upload = await harness.services.create(content := a_detailed_photo(), name="holiday in Brest.jpg")
    await harness.services.put(upload, content)
    row = (await harness.services.completion.complete(row, None)).row
    for _ in range(MAX_LOST_ATTEMPTS):
        clock.advance(minutes=10)
        await harness.handle(row)
    (crash_report,) = await harness.crash_reports(row)
    assert "holiday" not in json.dumps(crash_report)
    assert str(harness.scratch) not in json.dumps(crash_report)
    assert crash_report.keys() == {"account_id", "item_id", "attempt", "capsule"}


async def test_a_lost_attempt_waits_longer_each_time(harness: WorkerHarness, clock: ManualClock) -> None:
    row = await harness.services.queued(a_detailed_photo())
    for wait in LOST_ATTEMPT_WAITS:
        row = await harness.handle(row)
        assert row.not_before == clock.now + wait
        clock.advance(seconds=(wait - timedelta(seconds=1)).total_seconds())
        assert (await harness.handle(row)).attempt == row.attempt, "the backoff has not ended"
        clock.advance(seconds=1)
    assert (await harness.handle(row)).state is ItemState.FAILED


async def test_fifty_returns_of_a_good_item_count_no_attempt(harness: WorkerHarness) -> None:
    row = await harness.services.queued(a_tiny_photo())
    for _ in range(RETURNS):
        await harness.services.work.return_claim(await harness.services.work.claim(row.account_id, row.item_id))
    row = await harness.handle(row)
    assert (row.state, row.lost_attempts) == (ItemState.READY, 0)


async def test_retry_restarts_the_lost_attempts(harness: WorkerHarness, clock: ManualClock) -> None:
    row = await harness.services.queued(a_detailed_photo())
    for _ in range(MAX_LOST_ATTEMPTS):
        clock.advance(minutes=10)
        row = await harness.handle(row)
    again = await harness.services.item_actions.retry(row, None)
    assert (again.state, again.lost_attempts) == (ItemState.QUEUED, 0)
    assert (await harness.handle(again)).lost_attempts == 1


async def test_a_deadline_during_processing_ends_process_files_and_item(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    row = await harness.services.queued(a_large_photo())
    attempt = await harness.hang(row)
    clock.advance(seconds=PROCESSING_LIMIT.total_seconds())
    await harness.services.maintenance.process(row.account_id, row.item_id)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    failed = await harness.services.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == (ItemState.FAILED, FailureCode.DEADLINE)
    assert not harness.decoders.pids
    assert not list(harness.scratch.iterdir())


async def test_a_disk_failure_counts_no_lost_attempt(harness: WorkerHarness, clock: ManualClock) -> None:
    row = await harness.services.queued(a_tiny_photo())
    harness.scratch.rmdir()
    row = await harness.handle(row)
    assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 0)
    assert (await harness.handle(row)).attempt == row.attempt, "another machine may claim it after a delay"
    harness.scratch.mkdir()
    clock.advance(seconds=61)
    assert (await harness.handle(row)).state is ItemState.READY


async def test_a_stopping_worker_returns_its_item_without_counting_an_attempt(harness: WorkerHarness) -> None:
    row = await harness.services.queued(a_large_photo())
    attempt = await harness.hang(row)
    attempt.cancel()
    await asyncio.wait({attempt})
    returned = await harness.services.row(row)
    assert (returned.state, returned.lost_attempts) == (ItemState.QUEUED, 0)
    assert not harness.decoders.pids
    assert not list(harness.scratch.iterdir())


async def test_a_worker_stopped_while_its_claim_is_in_flight_returns_the_item(harness: WorkerHarness) -> None:
    services, claims = harness.services, SlowClaims(harness.services.work)
    parts = attempt_parts(services.base)
    attempts = item_attempts(lane=Lane.EXPRESS, work=claims, pipeline=NoWork(), parts=parts)
    row = await services.queued(a_tiny_photo())
    attempt = asyncio.create_task(attempts.handle(message(row)))
    await claims.stored.wait()
    attempt.cancel()
    await asyncio.sleep(0)
    claims.respond.set()
    await asyncio.wait({attempt})
    returned = await services.row(row)
    assert attempt.cancelled()
    assert (returned.state, returned.claim, returned.lost_attempts) == (ItemState.QUEUED, None, 0)


class SlowClaims:
    """The real operations, with a response to `claim` that waits for `respond`."""

    def __init__(self, work: Claims) -> None:
        self.lease, self.check, self.renew, self.fail = work.lease, work.check, work.renew, work.fail
        self.return_claim, self.record_lost_attempt = work.return_claim, work.record_lost_attempt
        self.stored, self.respond = asyncio.Event(), asyncio.Event()
        self._claim = work.claim

    async def claim(self, account: AccountId, item: ItemId, lane: Lane, /) -> ItemRow:
        row = await self._claim(account, item, lane)
        self.stored.set()
        await self.respond.wait()
        return row


class NoWork:
    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        raise AssertionError(f"{claimed.item_id} was worked on by a stopped worker after {steps.done}")
