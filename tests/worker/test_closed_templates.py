"""A template that had to be closed for one item's sake costs the others no attempt; one that was killed does."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from app.items.schema.row import ItemRow
from app.media.decoders import Decoders
from app.media.sandbox import children
from app.worker.item_attempts import MAX_UNCOUNTED_ATTEMPTS
from darkroom_shared.items import ItemState
from tests.services import ManualClock
from tests.worker.harness import PLENTY_SECONDS, WorkerHarness, a_wide_photo, message


@pytest.fixture
async def decoders(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Decoders]:
    """Decoders of the test's own, whose template it may stop or kill."""
    monkeypatch.setattr(children, "KILL_SECONDS", 0.5)
    decoders = Decoders.start(slots=2)
    try:
        yield decoders
    finally:
        await decoders.aclose()


async def test_a_template_that_cannot_kill_in_time_costs_a_neighbour_no_attempt(
    harness: WorkerHarness, clock: ManualClock
) -> None:
    cancelled, neighbour = [await harness.services.queued(a_wide_photo()) for _ in range(2)]
    await close_the_template(harness, cancelled, neighbour)
    for row in (cancelled, neighbour):
        current = await harness.services.row(row)
        assert (current.state, current.lost_attempts) == (ItemState.QUEUED, 0)
    clock.advance(seconds=6)
    assert (await harness.handle(neighbour)).state is ItemState.READY


async def test_after_too_many_closed_templates_a_neighbour_gets_a_lost_attempt(harness: WorkerHarness) -> None:
    cancelled, neighbour = [await harness.services.queued(a_wide_photo()) for _ in range(2)]
    for _ in range(MAX_UNCOUNTED_ATTEMPTS):
        work = harness.services.work
        await work.return_claim(await work.claim(neighbour.account_id, neighbour.item_id))
    await close_the_template(harness, cancelled, neighbour)
    current = await harness.services.row(neighbour)
    assert (current.state, current.lost_attempts) == (ItemState.QUEUED, 1)


async def test_a_template_that_was_killed_counts_because_the_item_may_have_done_it(harness: WorkerHarness) -> None:
    row = await harness.services.queued(a_wide_photo())
    attempt = await harness.hang(row)
    template = harness.decoders.template_pid
    assert template is not None
    os.kill(template, signal.SIGKILL)
    await attempt
    assert (await harness.services.row(row)).lost_attempts == 1


async def close_the_template(harness: WorkerHarness, cancelled: ItemRow, neighbour: ItemRow) -> None:
    """Run both, stop their template, and cancel the first one's attempt."""
    ending = await harness.hang(cancelled)
    bystander = asyncio.create_task(harness.attempts.handle(message(neighbour)))
    async with asyncio.timeout(PLENTY_SECONDS):
        while len(harness.decoders.pids) < 2:  # noqa: ASYNC110  no event of another process
            await asyncio.sleep(0.001)
    template = harness.decoders.template_pid
    assert template is not None
    for pid in (*harness.decoders.pids, template):
        os.kill(pid, signal.SIGSTOP)
    ending.cancel()
    await asyncio.wait({ending, bystander})
    assert harness.decoders.template_pid != template
