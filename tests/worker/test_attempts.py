"""What an attempt costs its item, and what it leaves behind."""

import asyncio
import json
from datetime import timedelta

from app.items.claims import MOST_LOST_ATTEMPTS, PROCESSING_LIMIT, RETURNS_AFTER
from shared.items import FailureCode, ItemState
from tests.house import ManualClock
from tests.worker.bench import Bench, a_detailed_photo, a_large_photo, a_tiny_photo

GONE_SECONDS = 10.0
"""Sooner than the next heartbeat, which comes after 15 s; the drills measure it against the 2 s that are promised."""
GIVE_BACKS = 50


async def test_a_file_that_kills_five_decoders_is_poisoned_and_its_neighbours_are_ready(
    bench: Bench, clock: ManualClock
) -> None:
    house = bench.house
    poison, *neighbours = [
        await house.queued(content) for content in (a_detailed_photo(), a_tiny_photo(), a_tiny_photo())
    ]
    for attempt in range(1, MOST_LOST_ATTEMPTS + 1):
        clock.advance(minutes=10)
        row = await bench.handle(poison)
        assert (row.attempt, row.lost_attempts) == (attempt, attempt)
        assert row.state is (ItemState.FAILED if attempt == MOST_LOST_ATTEMPTS else ItemState.QUEUED)
    assert row.failure is not None
    assert (row.failure.code, row.failure.retryable) == (FailureCode.POISONED, False)
    for neighbour in neighbours:
        assert (await bench.handle(neighbour)).state is ItemState.READY
    (capsule,) = await bench.capsules(poison)
    assert capsule["capsule"]["signal"] == "SIGXFSZ"
    assert not list(bench.scratch.iterdir())


async def test_the_capsule_holds_nothing_of_the_user(bench: Bench, clock: ManualClock) -> None:
    row, upload = await bench.house.create(content := a_detailed_photo(), name="holiday in Brest.jpg")
    await bench.house.put(upload, content)
    row = (await bench.house.completion.complete(row, None)).row
    for _ in range(MOST_LOST_ATTEMPTS):
        clock.advance(minutes=10)
        await bench.handle(row)
    (capsule,) = await bench.capsules(row)
    assert "holiday" not in json.dumps(capsule)
    assert str(bench.scratch) not in json.dumps(capsule)
    assert capsule.keys() == {"account_id", "item_id", "attempt", "capsule"}


async def test_a_lost_attempt_waits_longer_each_time(bench: Bench, clock: ManualClock) -> None:
    row = await bench.house.queued(a_detailed_photo())
    for wait in RETURNS_AFTER:
        row = await bench.handle(row)
        assert row.not_before == clock.now + wait
        clock.advance(seconds=(wait - timedelta(seconds=1)).total_seconds())
        assert (await bench.handle(row)).attempt == row.attempt, "it was too early"
        clock.advance(seconds=1)
    assert (await bench.handle(row)).state is ItemState.FAILED


async def test_fifty_give_backs_of_a_good_item_count_as_no_attempt(bench: Bench) -> None:
    row = await bench.house.queued(a_tiny_photo())
    for _ in range(GIVE_BACKS):
        await bench.house.work.give_back(await bench.house.work.claim(row.account_id, row.item_id))
    row = await bench.handle(row)
    assert (row.state, row.lost_attempts) == (ItemState.READY, 0)


async def test_retry_counts_lost_attempts_anew(bench: Bench, clock: ManualClock) -> None:
    row = await bench.house.queued(a_detailed_photo())
    for _ in range(MOST_LOST_ATTEMPTS):
        clock.advance(minutes=10)
        row = await bench.handle(row)
    again = await bench.house.items.retry(row, None)
    assert (again.state, again.lost_attempts) == (ItemState.QUEUED, 0)
    assert (await bench.handle(again)).lost_attempts == 1


async def test_a_deadline_in_the_middle_ends_process_files_and_item(bench: Bench, clock: ManualClock) -> None:
    row = await bench.house.queued(a_large_photo())
    attempt = await bench.hang(row)
    clock.advance(seconds=PROCESSING_LIMIT.total_seconds())
    await bench.house.upkeep.attend(row.account_id, row.item_id)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    failed = await bench.house.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == (ItemState.FAILED, FailureCode.DEADLINE)
    assert not bench.decoders.pids
    assert not list(bench.scratch.iterdir())


async def test_a_disk_that_fails_is_no_files_fault(bench: Bench, clock: ManualClock) -> None:
    row = await bench.house.queued(a_tiny_photo())
    bench.scratch.rmdir()
    row = await bench.handle(row)
    assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 0)
    assert (await bench.handle(row)).attempt == row.attempt, "another machine may take it in a while"
    bench.scratch.mkdir()
    clock.advance(seconds=61)
    assert (await bench.handle(row)).state is ItemState.READY


async def test_a_worker_told_to_stop_gives_its_item_back_for_nothing(bench: Bench) -> None:
    row = await bench.house.queued(a_large_photo())
    attempt = await bench.hang(row)
    attempt.cancel()
    await asyncio.wait({attempt})
    given_back = await bench.house.row(row)
    assert (given_back.state, given_back.lost_attempts) == (ItemState.QUEUED, 0)
    assert not bench.decoders.pids
    assert not list(bench.scratch.iterdir())
