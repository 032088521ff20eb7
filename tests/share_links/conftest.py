"""Services for share links and comments."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.services import ManualClock, Stores, open_services
from tests.share_links.sharing_services import SharingServices, open_sharing_services


@pytest_asyncio.fixture(scope="module")
async def sharing(stores: Stores) -> AsyncIterator[SharingServices]:
    """The services for all tests of a module, because opening an app costs more than most tests."""
    async with open_services(stores, ManualClock()) as services, open_sharing_services(stores, services) as opened:
        yield opened
