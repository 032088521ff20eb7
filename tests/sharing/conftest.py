"""The albums' family: what sharing decides is seen where they look. And a town, where people come by links and talk."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.albums.conftest import family, family_on_both
from tests.house import ManualClock, Stores, open_house
from tests.sharing.people import Town, open_town

__all__ = ["family", "family_on_both"]


@pytest_asyncio.fixture(scope="module")
async def town(stores: Stores) -> AsyncIterator[Town]:
    """One for all tests of a module: opening an app costs more than most of what they do in it."""
    async with open_house(stores, ManualClock()) as house, open_town(stores, house) as opened:
        yield opened
