"""One town for all tests of a module: opening an app costs more than most of what they do in it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.house import ManualClock, Stores, open_house
from tests.sharing.people import Town, open_town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(stores: Stores) -> AsyncIterator[Town]:
    """Each test has people of its own in it."""
    async with open_house(stores, ManualClock()) as house, open_town(stores, house) as opened:
        yield opened
