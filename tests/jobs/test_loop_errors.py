"""Each class of AWS error at each AWS call of each loop: no loop ends, errors are counted, all work is done.

`tests/drills/test_aws_error_classes.py` shows the same with processes.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from app.events.service import log
from app.jobs.loop import run_periodically
from app.stores import aws_errors
from app.stores.aws_errors import ErrorClass
from tests.jobs.aws_faults import ALL_WRITES
from tests.jobs.every_loop import CONSUMERS, LOOPS
from tests.jobs.loops import LIMIT_SECONDS, TICK_SECONDS, Faulty, Loop, complete, open_faulty
from tests.jobs.sweeper_loops import DELETION_LOOPS
from tests.services import ManualClock, Stores

ALL_LOOPS = LOOPS | DELETION_LOOPS
FAILING_RUNS = 6
"""Runs of a loop during an outage."""
MAX_JOBS = 3
"""Jobs within which a loop makes each of its calls."""


@pytest.fixture
async def faulty(
    stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Faulty]:
    """A conflict that lasts is repeated at once: 40 times with their waits take 7 seconds.

    An error in one shard cancels the calls of the others. On a busy machine these may have waited so long that each
    would count as one without a response.
    """
    monkeypatch.setattr(log, "MAX_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(aws_errors, "NO_RESPONSE_SECONDS", LIMIT_SECONDS)
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@pytest.mark.parametrize("name", ALL_LOOPS)
async def test_no_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    """Inject one class at each call, a different one each time."""
    await _inject_at_each_call(faulty, ALL_LOOPS[name](faulty), per_call=1)


@pytest.mark.tier("full", "each class at each call")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ALL_LOOPS)
async def test_no_class_of_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    await _inject_at_each_call(faulty, ALL_LOOPS[name](faulty), per_call=len(ErrorClass))


async def _inject_at_each_call(faulty: Faulty, loop: Loop, *, per_call: int) -> None:
    await complete(loop)
    operations, classes = sorted(faulty.faults.operations), itertools.cycle(ErrorClass)
    assert operations
    for operation in operations:
        for error_class in itertools.islice(classes, per_call):
            before = _count(faulty, error_class)
            faulty.faults.inject(operation, error_class)
            for _ in range(MAX_JOBS):
                _clear_known_names(faulty)
                await complete(loop, errors_are_left=lambda: faulty.faults.are_left)
                if not faulty.faults.are_left:
                    break
            assert not faulty.faults.are_left, (operation, error_class)
            assert _count(faulty, error_class) == before + 1, (operation, error_class)


@pytest.mark.parametrize("name", [name for name in ALL_LOOPS if name not in CONSUMERS and name != "lane_sampler"])
async def test_waits_grow_while_an_error_lasts_and_the_work_is_done_afterwards(faulty: Faulty, name: str) -> None:
    """Inject errors at each call that the job needs, a different class each time.

    Consumers pause between messages: `tests/worker/test_consumer.py`. The sampler's calls do not depend on each other.
    """
    loop, classes, needed = ALL_LOOPS[name](faulty), itertools.cycle(ErrorClass), set[str]()
    await complete(loop)
    for operation in sorted(faulty.faults.operations):
        pauses, is_optional = await _run_through_outage(faulty, loop, operation, next(classes))
        if not is_optional:
            needed.add(operation)
            # The first run may complete some of its calls.
            assert FAILING_RUNS - 1 <= len(pauses) <= FAILING_RUNS, (operation, pauses)
            assert pauses == sorted(pauses), (operation, pauses)
            assert pauses[-1] > TICK_SECONDS, (operation, pauses)
    assert needed


async def _run_through_outage(
    faulty: Faulty, loop: Loop, operation: str, error_class: ErrorClass
) -> tuple[list[float], bool]:
    """Prepare a job and run the loop until it is done; in the first FAILING_RUNS each call of the operation fails, and
    with a write all writes.

    Return the loop's waits after failures, in seconds, and whether the job was done in spite of the outage.
    """
    (shard, is_done), stopping, ended = await loop.prepare(), asyncio.Event(), 0

    async def tick(_shard: int) -> None:
        nonlocal ended
        if ended == FAILING_RUNS:
            faulty.faults.end_outage()
        try:
            await loop.tick(shard)
        finally:
            ended += 1
            if await is_done():  # advances the clock, so that the lease of a failed job has ended
                stopping.set()

    for each in ALL_WRITES if operation in ALL_WRITES else (operation,):
        faulty.faults.begin_outage(each, error_class)
    with capture_logs() as entries:
        async with asyncio.timeout(LIMIT_SECONDS):
            await run_periodically("tests", TICK_SECONDS, stopping, tick)
    faulty.faults.end_outage()
    return [entry["wait_seconds"] for entry in entries if entry["event"] == "loop.paused"], ended <= FAILING_RUNS


def _clear_known_names(faulty: Faulty) -> None:
    """Let the store look up queues again."""
    faulty.services.base.amazon.queues._urls.clear()


def _count(faulty: Faulty, error_class: ErrorClass) -> int:
    counts = faulty.services.base.amazon.errors.counts()
    return sum(each.count for each in counts if each.error_class is error_class)
