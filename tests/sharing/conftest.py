"""The albums' family: what sharing decides is seen where they look. And a town, where people come by links and talk."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.albums.conftest import album_services, album_services_on_both
from tests.services import ManualClock, Stores, open_services
from tests.sharing.sharing_services import SharingServices, open_sharing_services

__all__ = ["album_services", "album_services_on_both"]


@pytest_asyncio.fixture(scope="module")
async def sharing(stores: Stores) -> AsyncIterator[SharingServices]:
    """One for all tests of a module: opening an app costs more than most of what they do in it."""
    async with open_services(stores, ManualClock()) as services, open_sharing_services(stores, services) as opened:
        yield opened
