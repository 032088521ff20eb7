"""Loops survive any error, wake early, and stop at once; their tasks end with the block that owns them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from app.jobs.backoff import Backoff
from app.jobs.isolation import isolate
from app.jobs.loop import keep_running, run_periodically, running
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup

ERRORS = (KeyError("a programming error"), Unavailable("away"), TimeoutError())
HOUR = 3600.0
TICK_SECONDS = 0.001


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


Tick = Callable[[int], Awaitable[None]]


async def _pauses_of(tick: Tick, *, runs: int, shards: int = 1) -> list[float]:
    """Return the waits after failures in this many runs of all shards, in seconds."""
    stopping, ticks = asyncio.Event(), 0

    async def count(shard: int) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == runs * shards:
            stopping.set()
        await tick(shard)

    with capture_logs() as entries:
        async with asyncio.timeout(60):
            await run_periodically("tests", TICK_SECONDS, stopping, count, shards=shards)
    return [entry["wait_seconds"] for entry in entries if entry["event"] == "loop.paused"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_waits_grow_while_every_isolated_job_fails(error: Exception) -> None:
    """One shard has all the jobs, the others have none; the jobs run in tasks of their own."""

    async def tick(shard: int) -> None:
        async with TaskGroup() as tasks:
            for _ in range(3 if shard == 0 else 0):
                tasks.create_task(isolate(_fail(error), "job"))

    pauses = await _pauses_of(tick, runs=6, shards=4)
    assert len(pauses) == 6
    assert pauses == sorted(pauses)
    assert pauses[-1] > 8 * TICK_SECONDS


async def test_a_failing_job_among_successful_ones_does_not_slow_down_the_loop() -> None:
    async def tick(shard: int) -> None:
        await isolate(_fail(KeyError()), "bad")
        if shard == 0:
            await isolate(asyncio.sleep(0), "good")

    assert await _pauses_of(tick, runs=4, shards=2) == []


async def test_a_run_without_jobs_does_not_slow_down_the_loop() -> None:
    async def tick(_shard: int) -> None:
        pass

    assert await _pauses_of(tick, runs=4, shards=2) == []


async def test_one_success_resets_the_waits() -> None:
    ticks = 0

    async def tick(_shard: int) -> None:
        nonlocal ticks
        ticks += 1
        await isolate(asyncio.sleep(0) if ticks == 6 else _fail(KeyError()), "job")

    pauses = await _pauses_of(tick, runs=7)
    assert len(pauses) == 6
    assert pauses[-1] <= TICK_SECONDS < pauses[-2]


async def test_a_wakeup_does_not_shorten_the_wait_after_a_failure() -> None:
    stopping, wakeup, ticks = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)

    async def tick(_shard: int) -> None:
        ticks.release()
        wakeup.set()
        await isolate(_fail(KeyError()), "job")

    async with running(run_periodically("tests", HOUR, stopping, tick, wakeup=wakeup)) as task, asyncio.timeout(60):
        await ticks.acquire()
        for _ in range(100):  # without a wait, the loop would run again in a few turns
            await asyncio.sleep(0)
        assert ticks.locked()
        await ticks.acquire()
        stopping.set()
        await task


async def _fail(error: Exception) -> None:
    raise error


async def test_a_task_ends_with_the_block_that_owns_it() -> None:
    async with running(asyncio.Event().wait()) as task:  # type: ignore[arg-type]  # its result is not used
        pass
    assert task.cancelled()
