"""Both servers, started once per run, and a fresh table on one of them for each test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.tables import tables
from local.tables.database import Database
from tests.local.tables.emulator_gaps import GAPS
from tests.local.tables.place import Place, a_place, connect, photos
from tests.servers import running_emulator, running_tables

SERVERS = ("ours", "emulator")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with a `place` argument on both servers."""
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", SERVERS, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Require that a test in the list of gaps fails on the emulator, so that the list stays true."""
    gap = GAPS.get(_name_on_any_server(pyfuncitem))
    if gap is None or "[emulator" not in pyfuncitem.name:
        return (yield)
    try:
        yield
    except (AssertionError, ClientError, KeyError, pytest.fail.Exception):
        return True
    pytest.fail(f"The emulator no longer has this gap, remove it from the list: {gap}")


def _name_on_any_server(item: pytest.Item) -> str:
    return item.name.replace("[emulator]", "").replace("[emulator-", "[")


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of `local/tables`."""
    with running_tables(tmp_path_factory.mktemp("tables")) as endpoint:
        client = connect(endpoint)
        yield client
        client.close()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Any]:
    """A client of the emulator."""
    with running_emulator() as endpoint:
        client = connect(endpoint)
        yield client
        client.close()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """A fresh table on the server for which the test runs."""
    return a_place(request.getfixturevalue(request.param))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An open database with the table `photos`."""
    database = Database(tmp_path / "tables.db")
    await database.open()
    serving = asyncio.create_task(database.serve())
    await tables.create_table(database, photos("photos"))
    yield database
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    await database.close()
