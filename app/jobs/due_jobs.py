"""Due jobs, page by page: one that fails or hangs keeps no other from being listed and processed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from app.jobs.isolation import isolate
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup

CONCURRENT_JOBS = 8
"""Jobs of one page. A request may make thousands due, and the others must not wait long for them."""

K = TypeVar("K")


async def process_due(
    loop: str,
    pages: AsyncIterator[Sequence[K]],
    process: Callable[[K], Awaitable[object]],
    *,
    limit_seconds: float,
    names: Callable[[K], Mapping[str, str]],
) -> None:
    """Process all jobs of all pages, each isolated and for at most `limit_seconds`.

    `names` returns a job's ids for the log. A job must be repeatable: what the limit interrupts stays due, and the next
    tick continues it. The next page is read after the jobs of this one have ended, so one page is in memory.
    """
    semaphore = asyncio.Semaphore(CONCURRENT_JOBS)

    async def process_one(key: K) -> None:
        async with semaphore:
            await isolate(_limited(process(key), limit_seconds), loop, **names(key))

    async for page in pages:
        async with TaskGroup() as tasks:
            for key in page:
                tasks.create_task(process_one(key))


async def _limited(work: Awaitable[object], seconds: float) -> None:
    """Await the work. Raises Unavailable after `seconds`: a store that does not respond is no bug of the job."""
    try:
        async with asyncio.timeout(seconds) as limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unavailable(f"The job has not ended within {seconds:g} seconds.", retry_after_seconds=1) from None
