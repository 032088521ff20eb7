"""The app's HTTP interface in this process, on real stores, for tests of HTTP rather than of processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from app.main import State, create_api, with_middleware
from app.migrations.run import migrate
from app.settings import Settings
from darkroom_process.metrics import RequestMetrics
from darkroom_process.readiness import Readiness
from darkroom_shared.ids import new_ulid

PASSWORD = "correct horse battery staple"


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a freshly migrated app; no account is signed in."""
    await migrate(settings.database_url.get_secret_value())
    async with open_app(settings) as (client, _state):
        yield client


@asynccontextmanager
async def open_app(
    settings: Settings, registry: CollectorRegistry | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, State]]:
    """Open an app on migrated tables; yield a client and the services that the routes use."""
    registry = registry or CollectorRegistry()
    api = create_api(settings, Readiness(), registry)
    application = with_middleware(api, RequestMetrics(registry))
    async with api.router.lifespan_context(application) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await application({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://app/v1/", timeout=60) as client:
            yield client, cast(State, state)


def another_client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client of the same app, with neither headers nor cookies."""
    return httpx.AsyncClient(transport=client._transport, base_url=client.base_url, timeout=60)


async def signed_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Register an account and return the headers of its session."""
    who: dict[str, Any] = {"email": f"{new_ulid().lower()}@example.org", "password": PASSWORD}
    anonymous = {"Authorization": ""}  # signing in ends the session that comes with the request
    registered = await client.post("accounts", json=who, headers=anonymous)
    assert registered.status_code == 201, registered.text
    response = await client.post("sessions", json=who, headers=anonymous)
    assert response.status_code == 201, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}
