"""One installation for all drills, which is checked for consistency after each drill."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.drills.completions import Completions
from tests.drills.installation import ADMINISTRATOR, Installation, inject, running_installation
from tests.drills.people import Person, a_person
from tests.drills.processes import LONG_LEASE_SECONDS, PLENTY_SECONDS, Processes, stopping_processes

POLL_SECONDS = 0.5


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running_installation(tmp_path_factory.mktemp("drills") / "data") as started:
        yield started


@pytest.fixture(scope="session")
def completions(installation: Installation) -> Completions:
    return Completions(installation)


@pytest.fixture(autouse=True)
async def whole_afterwards(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Assert that no item is past its deadline, a worker relays every event, and `darkroom verify` has no findings."""
    yield
    for store in (installation.tables, installation.objects, installation.queues):
        await inject(store)
    async with a_person(installation, email=ADMINISTRATOR) as operator:
        overview = await operator.client.overview()
        assert overview["items_past_deadline"] == 0
        if overview["events_not_relayed"] != 0:  # the drill had no worker, or killed it before it relayed them
            await _relay_remaining_events(installation, operator, tmp_path_factory.mktemp("afterwards"))
    assert await asyncio.to_thread(installation.verify) == ""


async def _relay_remaining_events(installation: Installation, operator: Person, folder: Path) -> None:
    with stopping_processes(installation.app, folder) as processes:
        processes.worker(lease_seconds=LONG_LEASE_SECONDS)
        async with asyncio.timeout(PLENTY_SECONDS):
            while (await operator.client.overview())["events_not_relayed"] != 0:  # noqa: ASYNC110  # another process wakes no event
                await asyncio.sleep(POLL_SECONDS)


@pytest.fixture
def processes(whole_afterwards: None, installation: Installation, tmp_path: Path) -> Iterator[Processes]:
    """Starts processes and stops them before `whole_afterwards` checks the installation."""
    with stopping_processes(installation.app, tmp_path) as started:
        yield started


@pytest.fixture
async def person(installation: Installation) -> AsyncIterator[Person]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(a_person(installation))
