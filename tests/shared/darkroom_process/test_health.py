"""The health routes are the same in every process."""

from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
import uvicorn

from darkroom_process.health import health_routes
from darkroom_process.hosts import HEALTH_PATHS
from darkroom_process.readiness import Readiness
from tests.shared.darkroom_process.configs import app_config, web_config, worker_config

OK, DRAINING = (200, {"status": "ok"}), (503, {"status": "draining"})


@pytest.mark.parametrize("config", [app_config, web_config, worker_config])
async def test_only_readiness_ends_when_a_process_drains(config: Callable[[Readiness], uvicorn.Config]) -> None:
    readiness = Readiness()
    transport = httpx.ASGITransport(cast(Any, config(readiness).app))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def result(path: str) -> tuple[int, object]:
            response = await client.get(path)
            return response.status_code, response.json()

        assert [await result("/healthz"), await result("/readyz")] == [OK, OK]
        readiness.drain()
        assert [await result("/healthz"), await result("/readyz")] == [OK, DRAINING]


def test_the_paths_are_those_that_need_no_secret_and_no_known_host() -> None:
    assert {route.path for route in health_routes(Readiness())} == HEALTH_PATHS
