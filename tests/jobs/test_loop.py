"""Loops survive any error, wake early, and stop at once; their tasks end with the block that owns them."""

import asyncio

import pytest

from app.jobs.backoff import Backoff
from app.jobs.loop import keep_running, run_periodically, running
from darkroom_shared.problems import Unavailable

ERRORS = (KeyError("a fault of ours"), Unavailable("away"), TimeoutError())
HOUR = 3600.0


async def test_a_wakeup_ends_an_interval_early() -> None:
    stopping, wakeup, ticks = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)

    async def tick(_shard: int) -> None:
        ticks.release()

    async with running(run_periodically("tests", HOUR, stopping, tick, wakeup=wakeup)) as task, asyncio.timeout(60):
        await ticks.acquire()
        wakeup.set()
        await ticks.acquire()
        stopping.set()
        await task


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_connection_is_opened_again_after_any_error(error: Exception) -> None:
    stopping, calls = asyncio.Event(), 0

    async def connect() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            stopping.set()
        raise error

    async with asyncio.timeout(60):
        await keep_running("tests", Backoff(0.001, 0.001), stopping, connect)
    assert calls == 3


async def test_a_failing_shard_does_not_block_other_shards() -> None:
    stopping, processed = asyncio.Event(), set[int]()

    async def tick(shard: int) -> None:
        if shard == 0:
            raise KeyError(shard)
        processed.add(shard)
        if len(processed) == 3:
            stopping.set()

    async with asyncio.timeout(60):
        await run_periodically("tests", 0.001, stopping, tick, shards=4)
    assert processed == {1, 2, 3}


async def test_a_task_ends_with_the_block_that_owns_it() -> None:
    async with running(asyncio.Event().wait()) as task:  # type: ignore[arg-type]  # its result is not used
        pass
    assert task.cancelled()
