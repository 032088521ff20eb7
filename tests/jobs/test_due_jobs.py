"""Due jobs: none that fails or hangs keeps another from its turn, and only one page is open."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from app.jobs.due_jobs import CONCURRENT_JOBS, process_due
from app.jobs.isolation import JobCounts, counting_jobs
from darkroom_shared.problems import Unavailable

LIMIT_SECONDS = 0.05


async def pages_of(*pages: range) -> AsyncIterator[range]:
    for page in pages:
        yield page


def log_fields(key: int) -> dict[str, str]:
    return {"number": str(key)}


@pytest.fixture
def counts() -> Iterator[JobCounts]:
    counted = JobCounts()
    with counting_jobs(counted), capture_logs():
        yield counted


async def test_a_page_of_failing_jobs_does_not_hide_the_next_page(counts: JobCounts) -> None:
    async def process(key: int) -> None:
        if key < 100:
            raise Unavailable("S3 is away", retry_after_seconds=1)

    await process_due("tests", pages_of(range(100), range(100, 103)), process, limit_seconds=60, log_fields=log_fields)
    assert (counts.failed, counts.succeeded) == (100, 3)


async def test_a_job_that_hangs_is_ended_and_all_other_jobs_are_done(counts: JobCounts) -> None:
    ended = set[int]()

    async def process(key: int) -> None:
        try:
            if key < CONCURRENT_JOBS:
                await asyncio.Event().wait()
        finally:
            ended.add(key)

    async with asyncio.timeout(60):
        with capture_logs() as entries:
            await process_due(
                "tests", pages_of(range(20), range(20, 40)), process, limit_seconds=LIMIT_SECONDS, log_fields=log_fields
            )
    assert ended == set(range(40))
    assert (counts.failed, counts.succeeded) == (CONCURRENT_JOBS, 40 - CONCURRENT_JOBS)
    assert {entry["event"] for entry in entries} == {"job.interrupted"}, "no bug of the job"


async def test_a_job_may_fail_by_a_time_limit_of_its_own(counts: JobCounts) -> None:
    async def process(_key: int) -> None:
        raise TimeoutError

    with capture_logs() as entries:
        await process_due("tests", pages_of(range(1)), process, limit_seconds=60, log_fields=log_fields)
    assert [(entry["event"], entry["number"]) for entry in entries] == [("job.crashed", "0")]
    assert counts.failed == 1


async def test_the_next_page_is_read_after_the_jobs_of_the_last_and_concurrency_is_bounded() -> None:
    running, max_running, done = 0, 0, 0

    async def pages() -> AsyncIterator[range]:
        for page in range(3):
            assert done == 20 * page
            yield range(20)

    async def process(_key: int) -> None:
        nonlocal running, max_running, done
        running += 1
        max_running = max(max_running, running)
        await asyncio.sleep(0)
        running, done = running - 1, done + 1

    await process_due("tests", pages(), process, limit_seconds=60, log_fields=log_fields)
    assert (max_running, done) == (CONCURRENT_JOBS, 60)


async def test_cancellation_ends_all_jobs() -> None:
    begun, ended = asyncio.Event(), 0

    async def process(_key: int) -> None:
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1

    task = asyncio.create_task(
        process_due("tests", pages_of(range(20)), process, limit_seconds=60, log_fields=log_fields)
    )
    await begun.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert ended == CONCURRENT_JOBS
