"""Each class of AWS error at each AWS call of an attempt costs the job nothing: it is counted, and the job gets done.

`tests/jobs/test_loop_errors.py` shows the same of the loops around the attempts.
"""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.jobs.claim import MAX_LOST_ATTEMPTS
from app.media.decoders import Decoders
from app.stores.aws_errors import ErrorClass
from app.stores.s3_parts import UploadRemoved
from tests.jobs.loops import Faulty, open_faulty
from tests.services import ManualClock, Stores
from tests.stores.expiring_uploads import ExpiringUploads
from tests.worker.attempt_cases import CASES, AttemptCase, Job

MAX_DELIVERIES = 3
"""One attempt meets the error; another follows if the first could not store its end."""

Call = tuple[str, int]
"""An operation, and the number of its earlier calls in the attempt."""


@pytest.fixture
async def faulty(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Faulty]:
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@pytest.fixture
def case(request: pytest.FixtureRequest, faulty: Faulty, decoders: Decoders, tmp_path: Path) -> AttemptCase:
    return CASES[request.param](faulty, decoders, tmp_path)


@pytest.mark.parametrize("case", ["photo", "export"], indirect=True)
async def test_no_error_at_any_call_costs_the_job_an_attempt(faulty: Faulty, case: AttemptCase) -> None:
    """One class at each call, a different one each time."""
    classes = itertools.cycle(ErrorClass)
    await _inject(faulty, case, ((call, next(classes)) for call in await _calls(faulty, case)))


@pytest.mark.tier("full", "each class at each call")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", ["photo", "export"], indirect=True)
async def test_no_class_of_error_at_any_call_costs_the_job_an_attempt(faulty: Faulty, case: AttemptCase) -> None:
    await _inject(faulty, case, itertools.product(await _calls(faulty, case), ErrorClass))


@pytest.mark.tier("full", "all videos")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", ["video_express", "video_bulk"], indirect=True)
async def test_no_class_of_error_at_any_operation_costs_a_video_an_attempt(faulty: Faulty, case: AttemptCase) -> None:
    """At the first call of each operation: a video repeats the same calls for each segment."""
    calls = [call for call in await _calls(faulty, case) if call[1] == 0]
    await _inject(faulty, case, itertools.product(calls, ErrorClass))


async def test_a_good_photo_is_not_poisoned_by_calls_that_aws_rejects(
    faulty: Faulty, decoders: Decoders, tmp_path: Path
) -> None:
    """Each attempt waits, so that the loop is not busy, and each is counted."""
    case = CASES["photo"](faulty, decoders, tmp_path)
    job = await case.new()
    faulty.faults.begin_outage("put_object", ErrorClass.REJECTED)
    for _ in range(MAX_LOST_ATTEMPTS + 1):
        before = _count(faulty, ErrorClass.REJECTED)
        await case.attempts.handle(job.message)
        assert await job.state() == (False, 0)
        attempted = _count(faulty, ErrorClass.REJECTED)
        assert attempted > before
        await case.attempts.handle(job.message)
        assert _count(faulty, ErrorClass.REJECTED) == attempted, "it was too early"
        faulty.clock.advance(minutes=1)
    faulty.faults.end_outage()
    await case.attempts.handle(job.message)
    assert await job.state() == (True, 0)


async def test_an_export_is_made_again_after_s3_has_removed_its_upload(
    faulty: Faulty, decoders: Decoders, tmp_path: Path
) -> None:
    objects: Any = faulty.services.base.amazon.objects
    objects._client = ExpiringUploads(objects._client)
    case = CASES["export"](faulty, decoders, tmp_path)
    job = await case.new()
    with capture_logs() as entries:
        await _deliver_until_done(faulty, case, job)
    assert await job.state() == (True, 0)
    assert [entry["reason"] for entry in entries if entry["event"] == "attempt.returned"] == [str(UploadRemoved())]
    assert _count(faulty, ErrorClass.MISSING_RESOURCE) == 0, "S3 is set up"


async def _calls(faulty: Faulty, case: AttemptCase) -> list[Call]:
    """Return the calls of each attempt without errors. Stores keep the results of some calls of the first attempt, and
    an event of the job that arrives during an attempt makes it read the row once more.
    """
    attempts = []
    for _ in range(5):
        faulty.faults.calls.clear()
        job = await case.new()
        await case.attempts.handle(job.message)
        assert await job.state() == (True, 0)
        attempts.append(list(_numbered(faulty.faults.calls)))
    return [call for call in attempts[-1] if all(call in attempt for attempt in attempts[1:])]


def _numbered(operations: Iterable[str]) -> Iterator[Call]:
    seen: Counter[str] = Counter()
    for operation in operations:
        yield operation, seen[operation]
        seen[operation] += 1


async def _inject(faulty: Faulty, case: AttemptCase, injections: Iterable[tuple[Call, ErrorClass]]) -> None:
    for (operation, after_calls), error_class in injections:
        job, before = await case.new(), _count(faulty, error_class)
        faulty.faults.inject(operation, error_class, after_calls=after_calls)
        with capture_logs():  # printed tracebacks take seconds each
            await _deliver_until_done(faulty, case, job)
        assert not faulty.faults.are_left, (operation, after_calls, error_class)
        assert _count(faulty, error_class) == before + 1, (operation, after_calls, error_class)
        assert await job.state() == (True, 0), (operation, after_calls, error_class)


async def _deliver_until_done(faulty: Faulty, case: AttemptCase, job: Job) -> None:
    """Deliver the message as the queue does, which hides it for as long as the job waits."""
    for _ in range(MAX_DELIVERIES):
        await case.attempts.handle(job.message)
        if (await job.state())[0]:
            return
        faulty.clock.advance(minutes=2)


def _count(faulty: Faulty, error_class: ErrorClass) -> int:
    counts = faulty.services.base.amazon.errors.counts()
    return sum(each.count for each in counts if each.error_class is error_class)
