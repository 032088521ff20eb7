"""The servers that several areas share, started when the first test asks for them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from app.migrations.run import migrate
from app.stores.aurora import Database
from shared.ids import new_ulid
from tests.house import House, ManualClock, Stores, open_house, start_stores
from tests.servers import running_mariadb, running_valkey


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MariaDB of this run, for tests that make a database of their own in it."""
    with running_mariadb(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this run; keys and channels of different tests differ by their ids."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["sqlite", "mariadb"])
async def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database without tables, on SQLite and once more on MariaDB."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}"
        return
    server_url: str = request.getfixturevalue("mariadb_url")
    name = f"darkroom_{new_ulid()}"
    server = Database(server_url)
    async with server.write() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    async with server.write() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))
    await server.close()


@pytest.fixture
async def database_url(empty_database_url: str) -> str:
    """A database with this release's tables."""
    await migrate(empty_database_url)
    return empty_database_url


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
