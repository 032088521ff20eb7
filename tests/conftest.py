"""The fixtures of servers that several folders share; each starts when the first test requests it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import structlog
from playwright.async_api import Browser
from sqlalchemy import make_url

from app.migrations.run import migrate
from app.settings import Registration
from darkroom_shared.ids import new_account_id
from tests.api import another_client, open_app, signed_in
from tests.browser.photos import photos
from tests.browser.visitor import ACCOUNT_CHECK, Visitor, running_chromium
from tests.database_engines import MIGRATING_USER, USER, Engine, as_migrating_user
from tests.database_pair import DatabasePair, alone_name, running_database_pair
from tests.installation import Installation, running_installation
from tests.redis_pair import RedisPair, running_redis_pair
from tests.servers import running_valkey
from tests.services import ManualClock, Services, Stores, open_services, start_stores

ENGINES = [engine.value for engine in Engine]

pytest_plugins = ["tests.tiers", "tests.durations", "tests.leaks"]


def pytest_configure() -> None:
    """Print log entries without structlog's framed tracebacks, each of which takes seconds of CPU."""
    *processors, _renderer = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, plain])


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey of this run; different tests use different ids in keys and channels."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePair]:
    """A MariaDB writer and its reader of this run; tests request `database_pair`."""
    with running_database_pair(tmp_path_factory.mktemp("mariadb"), Engine.MARIADB) as pair:
        yield pair


@pytest.fixture(scope="session")
def mysql_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePair]:
    """A MySQL writer and its reader of this run; tests request `database_pair`."""
    with running_database_pair(tmp_path_factory.mktemp("mysql"), Engine.MYSQL) as pair:
        yield pair


@pytest.fixture(scope="session", params=ENGINES)
def database_servers(request: pytest.FixtureRequest) -> DatabasePair:
    """Run the test on the servers of each engine; the tier decides which (tests/tiers.py)."""
    return _servers(request)


def _servers(request: pytest.FixtureRequest) -> DatabasePair:
    """Return the servers that the parameter names. Between any two tests the roles are the initial ones."""
    servers: DatabasePair = request.getfixturevalue(f"{request.param}_servers")
    return servers


@pytest.fixture
async def database_pair(database_servers: DatabasePair) -> AsyncIterator[DatabasePair]:
    """Writer and reader in sync. After the test, changes to their roles and delay are undone."""
    yield database_servers
    await database_servers.heal()


@pytest.fixture
async def empty_pair(database_pair: DatabasePair) -> AsyncIterator[str]:
    """The name of a database without tables on both servers: `database_pair.writer.url(empty_pair)`."""
    name = await database_pair.create_database()
    yield name
    await database_pair.drop_database(name)


@pytest.fixture
async def replicated(database_pair: DatabasePair, empty_pair: str) -> str:
    """The name of a database with this release's tables on both servers."""
    await migrate(database_pair.writer.url(empty_pair, user=MIGRATING_USER))
    await database_pair.wait_applied()
    return empty_pair


@pytest.fixture(scope="session")
def valkey_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisPair]:
    """Two embedded Valkeys; tests request `valkey_pair` or `redis_pair`."""
    with running_redis_pair("valkey", tmp_path_factory.mktemp("valkeys")) as pair:
        yield pair


@pytest.fixture(scope="session")
def debian_redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisPair]:
    """Two Redis 7 servers of Debian; tests request `debian_redis_pair` or `redis_pair`."""
    with running_redis_pair("redis", tmp_path_factory.mktemp("redises")) as pair:
        yield pair


@pytest.fixture
async def valkey_pair(valkey_servers: RedisPair) -> RedisPair:
    """Primary and standby, empty and in sync."""
    await valkey_servers.heal()
    return valkey_servers


@pytest.fixture
async def debian_redis_pair(debian_redis_servers: RedisPair) -> RedisPair:
    """Primary and standby, empty and in sync."""
    await debian_redis_servers.heal()
    return debian_redis_servers


@pytest.fixture(params=["valkey_pair", "debian_redis_pair"])
def redis_pair(request: pytest.FixtureRequest) -> RedisPair:
    """Run the test on the embedded Valkey and on Debian's Redis 7."""
    pair: RedisPair = request.getfixturevalue(request.param)
    return pair


@pytest.fixture(params=["sqlite", *ENGINES])
async def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without tables, on SQLite and on each engine, for the user who may create tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}"
        return
    server, name = _servers(request).writer, alone_name()
    await asyncio.to_thread(server.run, f"CREATE DATABASE {name}")
    yield server.url(name, user=MIGRATING_USER)
    await asyncio.to_thread(server.run, f"DROP DATABASE {name}")


@pytest.fixture
async def database_url(empty_database_url: str, make_sqlite: Callable[[], str]) -> str:
    """The URL of a database with this release's tables, for the app's user, who may not change them."""
    if empty_database_url.startswith("sqlite"):
        return make_sqlite()
    await migrate(empty_database_url)
    return make_url(empty_database_url).set(username=USER).render_as_string(hide_password=False)


@pytest.fixture(scope="session", params=["sqlite", *ENGINES])
def common_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of this run with this release's tables, for the app's user and for tests that read only their own
    accounts' rows.
    """
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('common') / 'darkroom.db'}"
    else:
        server, name = _servers(request).writer, alone_name()  # a new one whenever pytest returns to this parameter
        server.run(f"CREATE DATABASE {name}")
        url = server.url(name)
    asyncio.run(migrate(as_migrating_user(url)))
    return url


@pytest.fixture(scope="session")
def make_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A function that makes an SQLite database with this release's tables and returns its URL.

    It copies a migrated file, which is faster than migrating each time.
    """
    migrated = tmp_path_factory.mktemp("migrated") / "darkroom.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{migrated}"))

    def make() -> str:
        file = shutil.copy(migrated, tmp_path_factory.mktemp("database"))
        return f"sqlite+aiosqlite:///{file}"

    return make


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Tables, objects, queues and Valkey as `darkroom up` runs them, with every declared resource."""
    with ExitStack() as stack:
        yield start_stores(stack, tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def clock_of_the_module() -> ManualClock:
    """The clock of a module's services; tests request `clock`."""
    return ManualClock()


@pytest.fixture
def clock(clock_of_the_module: ManualClock) -> ManualClock:
    """The module's clock, reset to the present."""
    clock_of_the_module.reset()
    return clock_of_the_module


@pytest_asyncio.fixture(scope="module")
async def module_services(stores: Stores, clock_of_the_module: ManualClock) -> AsyncIterator[Services]:
    """The app's services in this process, opened once for each module; tests request `services`."""
    async with open_services(stores, clock_of_the_module) as opened:
        yield opened


@pytest.fixture
def services(module_services: Services, clock: ManualClock) -> Services:
    """The services of the module, with an account of the test's own."""
    return replace(module_services, account=new_account_id())


@pytest_asyncio.fixture(scope="module")
async def module_api(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app in this process, opened once for each module; tests request `anonymous_api` or `api`."""
    async with open_app(stores.settings(registration=Registration.OPEN)) as (client, _state):
        yield client


@pytest.fixture
async def anonymous_api(module_api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the module's app, not signed in."""
    async with another_client(module_api) as client:
        yield client


@pytest.fixture
async def api(anonymous_api: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of the module's app, signed in to an account of the test's own."""
    anonymous_api.headers.update(await signed_in(anonymous_api))
    return anonymous_api


@pytest.fixture(scope="session")
def darkroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything that `darkroom up` starts, as a user runs it."""
    with running_installation(tmp_path_factory.mktemp("darkroom")) as installation:
        yield installation


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this run. Tests that request it run in the session's loop (tests/tiers.py)."""
    async with running_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(darkroom: Installation, chromium: Browser) -> AsyncIterator[Callable[[], Awaitable[Visitor]]]:
    """Return a function that opens another browser context. At the end no page may have logged an error."""
    visitors = []

    async def arrive() -> Visitor:
        # Without animations: drawing them in software takes the CPU from the worker that the page waits for.
        context = await chromium.new_context(
            locale="en-GB", viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
        )
        visitors.append(Visitor(context, darkroom.url))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        await visitor.context.close()
    assert [error for visitor in visitors for error in visitor.errors] == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(open_page: Callable[[], Awaitable[Visitor]]) -> AsyncIterator[Visitor]:
    """A visitor with a browser context of their own. A refused request fails the test unless the test allows it."""
    visitor = await open_page()
    yield visitor
    await visitor.report()
    assert [error for error in visitor.refused if error != ACCOUNT_CHECK] == []


@pytest.fixture(scope="session")
def thirty_photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return photos(tmp_path_factory.mktemp("photos"), 30)
