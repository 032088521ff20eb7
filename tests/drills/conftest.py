"""One installation for all drills; after each of them it must be whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.drills.completions import Completions
from tests.drills.installation import ADMINISTRATOR, Installation, inject, running_installation
from tests.drills.people import Person, a_person
from tests.drills.processes import Processes, stopping_processes

SETTLE_LOOKS, LOOK_SECONDS = 30, 0.5


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("drills") / "data") as started:
        yield started


@pytest.fixture(scope="session")
def completions(installation: Installation) -> Completions:
    return Completions(installation)


@pytest.fixture(autouse=True)
async def whole_afterwards(installation: Installation) -> AsyncIterator[None]:
    """Nothing past its deadline, nothing untold, and `darkroom verify` finds nothing."""
    yield
    for store in (installation.tables, installation.objects, installation.queues):
        await inject(store)
    async with a_person(installation, email=ADMINISTRATOR) as operator:
        open_ends = await _open_ends(operator)
        for _ in range(SETTLE_LOOKS):  # what a killed app committed last is relayed by a worker's next round
            if open_ends != (0, 0):
                await asyncio.sleep(LOOK_SECONDS)
                open_ends = await _open_ends(operator)
    assert open_ends == (0, 0)
    assert await asyncio.to_thread(installation.verify) == ""


async def _open_ends(operator: Person) -> tuple[object, object]:
    overview = await operator.client.overview()
    return overview["items_past_deadline"], overview["events_not_relayed"]


@pytest.fixture
def processes(whole_afterwards: None, installation: Installation, tmp_path: Path) -> Iterator[Processes]:
    """Stopped before the installation is looked at."""
    with stopping_processes(installation.app, tmp_path) as started:
        yield started


@pytest.fixture
async def person(installation: Installation) -> AsyncIterator[Person]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(a_person(installation))
