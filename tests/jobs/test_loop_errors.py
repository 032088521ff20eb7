"""Each class of AWS error at each AWS call of each loop: no loop ends, each is counted, all work is done (CHECK 42).

`tests/drills/test_aws_error_classes.py` shows the same with processes.
"""

import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from app.stores.aws_errors import ErrorClass
from tests.jobs.loops import LOOPS, Faulty, Loop, complete, open_faulty
from tests.services import ManualClock, Stores


@pytest.fixture
async def faulty(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Faulty]:
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@pytest.mark.parametrize("name", LOOPS)
async def test_no_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    """One class at each call, a different one each time."""
    await _inject_at_each_call(faulty, LOOPS[name](faulty), per_call=1)


@pytest.mark.tier("full", "each class at each call")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LOOPS)
async def test_no_class_of_error_at_any_call_ends_the_loop(faulty: Faulty, name: str) -> None:
    await _inject_at_each_call(faulty, LOOPS[name](faulty), per_call=len(ErrorClass))


async def _inject_at_each_call(faulty: Faulty, loop: Loop, *, per_call: int) -> None:
    await complete(loop)
    assert faulty.faults.operations
    classes = itertools.cycle(ErrorClass)
    for operation in sorted(faulty.faults.operations):
        for error_class in itertools.islice(classes, per_call):
            before = _count(faulty, error_class)
            faulty.faults.inject(operation, error_class)
            await complete(loop)
            if not faulty.faults.are_left:
                assert _count(faulty, error_class) == before + 1, (operation, error_class)
            faulty.faults.inject("")


def _count(faulty: Faulty, error_class: ErrorClass) -> int:
    counts = faulty.services.base.amazon.errors.counts()
    return sum(each.count for each in counts if each.error_class is error_class)
