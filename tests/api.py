"""The app's HTTP interface in this process, on real stores, for tests of HTTP rather than of processes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from app.accounts.schema.values import AccountRow, SessionRow
from app.accounts.service.passwords import LANES, PASSES
from app.accounts.service.sessions import LIFETIME
from app.accounts.service.tokens import hash_of, new_token
from app.main import State, create_routes, open_services, with_middleware
from app.settings import Settings
from darkroom_process.metrics import RequestMetrics
from darkroom_process.readiness import Readiness
from darkroom_shared.ids import AccountId, new_account_id, new_session_id, new_ulid
from darkroom_shared.times import utc_now
from tests.aws_environment import aws_credentials

PASSWORD = "correct horse battery staple"
CHEAP_MEMORY_KIB = 64
"""A hash in 0.1 ms. Tests of hashing itself, and of the time that it takes, use the service's own memory."""


class _AppTransport(httpx.ASGITransport):
    """Sends requests to an app in this process, whose services tests may use."""

    def __init__(self, api: FastAPI, metrics: RequestMetrics, state: State) -> None:
        self.state = state
        application = with_middleware(api, metrics)

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await application({**scope, "state": dict(state)}, receive, send)

        super().__init__(with_state)


@asynccontextmanager
async def open_app(
    settings: Settings, registry: CollectorRegistry | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, State]]:
    """Open an app on migrated tables; yield a client that is not signed in, and the services that the routes use."""
    registry = registry or CollectorRegistry()
    async with AsyncExitStack() as stack:
        with aws_credentials():
            state = await open_services(settings, stack, Readiness(), registry)
        transport = _AppTransport(_routes(), RequestMetrics(registry), state)
        async with httpx.AsyncClient(transport=transport, base_url="http://app/v1/", timeout=60) as client:
            yield client, state


@cache
def _routes() -> FastAPI:
    """Return the routes, which all apps of this process share: FastAPI needs 0.4 s to prepare them."""
    return create_routes()


def another_client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client of the same app, with neither headers nor cookies."""
    return httpx.AsyncClient(transport=client._transport, base_url=client.base_url, timeout=60)


@dataclass(frozen=True, slots=True)
class SignedIn:
    account: AccountId
    headers: dict[str, str]


async def add_account(state: State) -> SignedIn:
    """Add an account with PASSWORD and a session. No request: the service's own hashes take 0.1 s each."""
    row = AccountRow(new_account_id(), f"{new_ulid().lower()}@example.org", False, utc_now())
    password_hash, token, now = _password_hash(), new_token(), utc_now()
    added = await state["accounts"].add(row, password_hash, first_is_administrator=True)
    session = SessionRow(new_session_id(), added.id, "", now, now + LIFETIME)
    await state["sessions"].add(session, hash_of(token), password_hash)
    return SignedIn(added.id, {"Authorization": f"Bearer {token}"})


async def signed_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Add an account to the client's app and return the headers of its session."""
    transport = client._transport
    assert isinstance(transport, _AppTransport)
    return (await add_account(transport.state)).headers


@cache
def _password_hash() -> str:
    return PasswordHasher(PASSES, CHEAP_MEMORY_KIB, LANES).hash(PASSWORD)
