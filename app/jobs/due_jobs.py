"""Due jobs, page by page: a job that fails or hangs does not block the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from app.jobs.isolation import isolate
from app.jobs.lapses import Lapses
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

CONCURRENT_JOBS = 8
"""Jobs of one page. A request may make thousands due, and the others must not wait long for them."""

K = TypeVar("K")
R = TypeVar("R")


class DueJobs(Generic[R, K]):
    """Lists the due jobs of a table page by page: those whose files must be deleted, and all others.

    They are candidates: the index may be late, the row decides.
    """

    def __init__(
        self,
        due_rows: Callable[[str, datetime], AsyncIterator[list[R]]],
        lapses: Lapses,
        clock: Clock,
        *,
        key_of: Callable[[R], K],
        deletes_files: Callable[[R, datetime], bool],
    ) -> None:
        """`due_rows` reads one of the 16 shards until a time; `lapses` note whether the table was reached."""
        self._due_rows, self._lapses, self._clock = due_rows, lapses, clock
        self._key_of, self._deletes_files = key_of, deletes_files

    def pages(self, shard: int) -> AsyncIterator[list[K]]:
        """Yield the keys of jobs that need the table and the queue only."""
        return self._pages(shard, deletions=False)

    def pages_of_deletions(self, shard: int) -> AsyncIterator[list[K]]:
        """Yield the keys of jobs whose files must be deleted."""
        return self._pages(shard, deletions=True)

    async def _pages(self, shard: int, *, deletions: bool) -> AsyncIterator[list[K]]:
        now = self._clock()
        async for rows in self._lapses.watch(self._due_rows(f"{shard:02d}", now)):
            yield [self._key_of(row) for row in rows if self._deletes_files(row, now) is deletions]


async def process_due(
    loop: str,
    pages: AsyncIterator[Sequence[K]],
    process: Callable[[K], Awaitable[object]],
    *,
    limit_seconds: float,
    log_fields: Callable[[K], Mapping[str, str]],
) -> None:
    """Process all jobs of all pages, each isolated and for at most `limit_seconds`.

    `log_fields` returns a job's ids. A job must be repeatable: what the limit interrupts stays due, and the next
    tick continues it. The next page is read after the jobs of this one have ended, so one page is in memory.
    """
    semaphore = asyncio.Semaphore(CONCURRENT_JOBS)

    async def process_one(key: K) -> None:
        async with semaphore:
            await isolate(_limited(process(key), limit_seconds), loop, **log_fields(key))

    async for page in pages:
        async with TaskGroup() as tasks:
            for key in page:
                tasks.create_task(process_one(key))


async def _limited(work: Awaitable[object], seconds: float) -> None:
    """Await the work. Raises Unavailable after `seconds`: a store that does not respond is not a bug of the job."""
    try:
        async with asyncio.timeout(seconds) as limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unavailable(f"The job has not ended within {seconds:g} seconds.", retry_after_seconds=1) from None
