"""Servers for the tests of the object store: ours and the emulator."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.objects.emulator_gaps import GAPS
from tests.local.objects.stores import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Store
from tests.servers import running_emulator, running_objects


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with a `store` argument on both servers, unless the emulator is known to differ."""
    if "store" in metafunc.fixturenames:
        names = ["our_store"] if metafunc.function.__name__ in GAPS else ["our_store", "emulator"]
        metafunc.parametrize("store", names, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    chosen: Store = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(scope="session")
def our_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("objects")
    with running_objects(folder, ACCESS_KEY_ID, SECRET_ACCESS_KEY) as endpoint:
        yield Store(endpoint)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Store]:
    credential = (f"AWS_ACCESS_KEY_ID={ACCESS_KEY_ID}", f"AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}")
    with running_emulator("AUTH=true", f"MINISTACK_REGION={REGION}", *credential) as endpoint:
        yield Store(endpoint)


@pytest.fixture
def s3(store: Store) -> Iterator[Any]:
    client = store.client()
    yield client
    client.close()


@pytest.fixture
def http(store: Store) -> Iterator[httpx.Client]:
    with store.http() as client:
        yield client


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket for each test, so that no test depends on the clean-up of another."""
    name = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name
