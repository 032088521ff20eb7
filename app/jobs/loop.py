"""The loops of a process: periodic work, connections that are opened again, and tasks with an owner."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress

from app.jobs.backoff import Backoff
from app.jobs.isolation import isolate
from darkroom_shared.task_group import TaskGroup


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

    A shard that fails ends nothing and is processed again the next time; while all fail, the intervals grow. `wakeup`
    ends an interval early and is cleared then. Jitter: 50 to 100 percent of each interval.
    """
    backoff = Backoff(seconds, max(seconds, Backoff.max_seconds))
    while not stopping.is_set():
        if wakeup is not None:
            wakeup.clear()
        results = [await isolate(process(shard), name, shard=shard) for shard in random.sample(range(shards), shards)]
        if any(results):
            backoff.succeeded()
            pause = random.uniform(0.5, 1.0) * seconds  # noqa: S311  jitter
        else:
            pause = backoff.failed()
        await wait_for_any(pause, stopping, wakeup)


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
