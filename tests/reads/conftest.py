"""Two app processes for all tests of a module, because starting them takes longer than most tests."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.migrations.run import migrate
from tests.database_engines import MIGRATING_USER
from tests.database_pair import DatabasePair
from tests.reads.app_pair import AppPair, running_pair
from tests.redis_pair import RedisPair
from tests.services import Stores


@pytest_asyncio.fixture(scope="module")
async def pair(
    database_servers: DatabasePair,
    valkey_servers: RedisPair,
    stores: Stores,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[AppPair]:
    await valkey_servers.heal()
    database = await database_servers.create_database()
    await migrate(database_servers.writer.url(database, user=MIGRATING_USER))
    await database_servers.wait_applied()
    folder = tmp_path_factory.mktemp("app_pair")
    async with running_pair(database_servers, database, valkey_servers.primary, stores, folder) as started:
        yield started
    await database_servers.drop_database(database)
