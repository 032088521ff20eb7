"""A full scratch disk is not the file's fault: its attempt is returned uncounted, and succeeds once there is space."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.items.schema.row import ItemRow
from app.media.space import MIN_FREE_BYTES, MIN_FREE_BYTES_OF_LADDERS
from app.worker.item_attempts import MAX_ATTEMPTS_ON_FULL_DISKS, MAX_TIME_ON_FULL_DISKS, NO_SPACE
from app.worker.start_check import Unsafe, check_decoding
from darkroom_shared.items import ItemState
from tests.services import ManualClock
from tests.small_disk import fill, free, small_disk
from tests.worker.harness import PLENTY_SECONDS, WorkerHarness, a_tiny_photo, a_wide_photo, message
from tests.worker.sample_videos import a_video
from tests.worker.test_animations import a_gif

SPARE_BYTES = 8 * 1024 * 1024
"""Enough for an attempt at each of these files."""
WAIT_SECONDS = 61
"""Longer than a returned item waits."""


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", MIN_FREE_BYTES_OF_LADDERS + SPARE_BYTES) as disk:
        yield disk


async def test_no_attempt_begins_on_a_nearly_full_disk(harness: WorkerHarness, clock: ManualClock) -> None:
    row = await harness.services.queued(a_tiny_photo())
    fill(harness.scratch, leave_bytes=MIN_FREE_BYTES - 4096)
    row = await harness.handle(row)
    assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 0)
    assert "download" not in dict(await harness.receipt(row))
    assert (await harness.handle(row)).attempt == row.attempt, "it waits"
    free(harness.scratch)
    clock.advance(seconds=WAIT_SECONDS)
    assert (await harness.handle(row)).state is ItemState.READY


async def test_a_disk_that_fills_during_a_photo_costs_no_attempt(harness: WorkerHarness, clock: ManualClock) -> None:
    row = await harness.services.queued(a_wide_photo())
    await fill_during(harness, row, await harness.hang(row))
    clock.advance(seconds=WAIT_SECONDS)
    assert (await harness.handle(row)).state is ItemState.READY


async def test_a_disk_that_fills_during_an_animation_costs_no_attempt(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    row = await harness.services.queued(a_gif("red", "blue"))
    attempt = asyncio.create_task(harness.attempts.handle(message(row)))
    async with asyncio.timeout(PLENTY_SECONDS):
        while len(harness.decoders.pids) < 2:  # noqa: ASYNC110  no event of another process
            await asyncio.sleep(0.001)
    for pid in harness.decoders.pids:
        os.kill(pid, signal.SIGSTOP)
    await fill_during(harness, row, attempt)
    clock.advance(seconds=WAIT_SECONDS)
    assert (await harness.handle(row)).state is ItemState.READY


async def test_a_disk_that_fills_during_a_ladder_costs_no_attempt(harness: WorkerHarness, clock: ManualClock) -> None:
    content = await asyncio.to_thread(a_video, seconds=10)
    row = await harness.handle(await harness.services.queued(content))
    attempt, _ = await harness.hang_encoder(row, after="180p_00000.m4s")
    await fill_during(harness, row, attempt)
    clock.advance(seconds=WAIT_SECONDS)
    assert (await harness.make(row)).state is ItemState.READY


async def test_an_item_that_meets_full_disks_for_an_hour_fails_with_the_reason(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    """It may fill them itself, and would disturb all others for a day. A retry has an hour, too."""
    work, row = harness.services.work, await harness.services.queued(a_wide_photo())
    for _ in range(MAX_ATTEMPTS_ON_FULL_DISKS):
        await work.return_claim(await work.claim(row.account_id, row.item_id))
    fill(harness.scratch)
    for _ in range(2):
        row = await harness.handle(row)
        assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 0)
        clock.advance(seconds=MAX_TIME_ON_FULL_DISKS.total_seconds())
        row = await harness.handle(row)
        assert row.failure is not None
        assert (row.state, row.failure.message, row.failure.retryable) == (ItemState.FAILED, NO_SPACE, True)
        row = await harness.services.item_actions.retry(row, None)


async def fill_during(harness: WorkerHarness, row: ItemRow, attempt: "asyncio.Task[bool | None]") -> None:
    """Fill the disk while the children are paused; check how the attempt ends; free the space again."""
    fill(harness.scratch)
    for pid in harness.decoders.pids:
        os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(PLENTY_SECONDS):
        await attempt
    row = await harness.services.row(row)
    assert (row.state, row.lost_attempts, row.ladder) == (ItemState.QUEUED, 0, None)
    free(harness.scratch)


async def test_a_worker_on_a_full_disk_does_not_start_and_names_the_reason(harness: WorkerHarness) -> None:
    fill(harness.scratch)
    with pytest.raises(Unsafe, match="disk of the scratch folder is full"):
        await check_decoding(harness.decoders, harness.scratch)
