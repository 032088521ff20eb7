"""One web tier and one upstream for all tests of this folder; each test uses its own paths and flags."""

import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from darkroom_client.connection import tls_context
from tests.web.servers import serving, serving_web
from tests.web.upstream import Upstream


@pytest.fixture(scope="session")
def app_url() -> Iterator[str]:
    with serving(Upstream(), lifespan="off") as url:
        yield url


@pytest.fixture(scope="session")
def web_url(app_url: str) -> Iterator[str]:
    with serving_web(app_url) as url:
        yield url


@pytest.fixture
async def web(web_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web_url, trust_env=False, timeout=60, verify=tls_context()) as client:
        yield client


@pytest.fixture
async def app(app_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the upstream itself, to raise its flags and wait for them."""
    async with httpx.AsyncClient(base_url=app_url, trust_env=False, timeout=60, verify=tls_context()) as client:
        yield client


@pytest.fixture
def flag() -> str:
    """A flag name that no other test uses."""
    return uuid.uuid4().hex
