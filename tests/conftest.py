"""Fixtures of the whole run: the stores that the app works on, started once and stopped by who started them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from tests.house import House, ManualClock, Stores, open_house, start_stores


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Tables, objects, queues and Valkey as `darkroom up` runs them, filled with every declared resource."""
    with ExitStack() as stack:
        yield start_stores(stack, tmp_path_factory.mktemp("stores"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def house(stores: Stores, clock: ManualClock) -> AsyncIterator[House]:
    """The app's services in this process, with an account of the test's own."""
    async with open_house(stores, clock) as opened:
        yield opened
