"""The loops of a process: periodic work, connections that are opened again, and tasks with an owner."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from app.jobs.backoff import Backoff
from app.jobs.isolation import JobCounts, counting_jobs, isolate
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()


async def run_periodically(
    name: str,
    seconds: float,
    stopping: asyncio.Event,
    process: Callable[[int], Awaitable[None]],
    *,
    shards: int = 1,
    wakeup: asyncio.Event | None = None,
) -> None:
    """Process every shard, in random order, at intervals of `seconds` until `stopping`.

    A shard that fails does not end the loop and is processed again the next time. A tick fails if all its jobs fail,
    or, if its shards isolate no jobs, if all shards fail; after failed ticks the waits grow.

    `wakeup` ends an interval early and is then cleared. It does not shorten a wait after a failed tick; in a loop with
    `wakeup` these waits start at Backoff.first_seconds. Each wait has a jitter: it lasts 50 to 100 percent of its time.
    """
    backoff = Backoff(seconds, max(seconds, Backoff.max_seconds)) if wakeup is None else Backoff()
    while not stopping.is_set():
        if wakeup is not None:
            wakeup.clear()
        if await _process_all(name, process, shards):
            backoff.succeeded()
            await wait_for_any(random.uniform(0.5, 1.0) * seconds, stopping, wakeup)  # noqa: S311  jitter
        else:
            pause = backoff.failed()
            log.warning("loop.paused", loop=name, wait_seconds=pause)
            await wait_for_any(pause, stopping)


async def _process_all(name: str, process: Callable[[int], Awaitable[None]], shards: int) -> bool:
    """Process every shard once. Returns False if the loop must back off: if everything failed.

    One success is enough, so a job that always fails does not slow down the others. An unavailable store makes all of
    them fail. The reason of a failure is not considered: if the only job crashes, backing off is right, too.
    """
    jobs = JobCounts()

    async def process_shard(shard: int) -> None:
        with counting_jobs(jobs):  # the jobs inside, not the shard
            await process(shard)

    shard_results = [
        await isolate(process_shard(shard), name, shard=shard) for shard in random.sample(range(shards), shards)
    ]
    return jobs.succeeded > 0 if jobs.succeeded or jobs.failed else any(shard_results)


async def keep_running(
    name: str, backoff: Backoff, stopping: asyncio.Event, connect: Callable[[], Awaitable[None]]
) -> None:
    """Call `connect`, which returns when its connection ends, again and again until `stopping`, with backoff.

    `connect` calls `backoff.succeeded()` once it is connected.
    """
    while not stopping.is_set():
        await isolate(connect(), name)
        await wait_for_any(backoff.failed(), stopping)


async def wait_for_any(seconds: float, *events: asyncio.Event | None) -> None:
    """Wait until one of the events is set, for at most `seconds`."""
    waits = [event.wait for event in events if event is not None]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if len(waits) == 1:
                await waits[0]()
                return
            await _first(waits)


async def _first(waits: Sequence[Callable[[], Coroutine[object, object, object]]]) -> None:
    async with TaskGroup() as tasks:
        waiting = [tasks.create_task(wait()) for wait in waits]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


@asynccontextmanager
async def running(work: Coroutine[object, object, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` beside the block; cancel it at the end of the block and wait for its end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
