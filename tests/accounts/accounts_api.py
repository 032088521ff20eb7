"""The accounts' part of one app process on a given database and Redis, with a clock that tests advance."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from app.accounts.routes.accounts import router
from app.accounts.service.accounts import AccountService
from app.accounts.service.administrator_link import AdministratorLinks
from app.accounts.service.creation import AccountCreation
from app.accounts.service.limits import Attempts
from app.accounts.service.operators import OperatorService
from app.accounts.service.passwords import Passwords
from app.accounts.service.registration import RegistrationService
from app.accounts.service.sessions import SessionService
from app.accounts.store.accounts import AccountStore
from app.accounts.store.administrator_link import AdministratorLinkStore
from app.http.problem_responses import add_problem_responses
from app.http.request_context import BodyLimit, Deadline, ErrorBoundary, RequestContextMiddleware
from app.settings import FirstAccount, Registration
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.signals import Signals
from darkroom_process.metrics import RequestMetrics
from darkroom_shared.ids import new_ulid
from tests.api import CHEAP_MEMORY_KIB
from tests.services import ManualClock

PASSWORD = "correct horse battery"

Json = dict[str, Any]


def an_address() -> str:
    return f"{new_ulid().lower()}@example.com"


def a_client_address() -> str:
    """Return a random address of 10.0.0.0/8 that no other test uses."""
    number = int.from_bytes(new_ulid()[-8:].encode()) % 2**24
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True, slots=True)
class AccountsApi:
    """An HTTP client of the service, with the services behind it."""

    http: httpx.AsyncClient
    operator: OperatorService
    sessions: SessionService
    store: AccountStore
    cache: Cache
    attempts: Attempts
    clock: ManualClock
    administrator_links: AdministratorLinks
    registration: RegistrationService

    async def register(self, email: str | None = None) -> Json:
        """Register an account and return the request body that signs it in."""
        body = {"email": email or an_address(), "password": PASSWORD}
        response = await self.http.post("/accounts", json=body)
        assert response.status_code == 201, response.text
        return body

    async def sign_in(self, body: Json) -> Json:
        """Return the response body with the session's `Authorization` header added under `headers`."""
        response = await self.http.post("/sessions", json=body)
        assert response.status_code == 201, response.text
        signed_in: Json = response.json()
        return signed_in | {"headers": {"Authorization": f"Bearer {signed_in['token']}"}}

    async def register_and_sign_in(self) -> Json:
        return await self.sign_in(await self.register())


@asynccontextmanager
async def open_accounts_api(
    database_url: str,
    redis_url: str,
    *,
    registration: Registration = Registration.OPEN,
    forwarded_hops: int = 1,
    first_account: FirstAccount = FirstAccount.ANYONE,
    memory_kib: int = CHEAP_MEMORY_KIB,
    link_store: Callable[[Database], AdministratorLinkStore] = AdministratorLinkStore,
) -> AsyncIterator[AccountsApi]:
    async with AsyncExitStack() as stack:
        database, passwords, clock = Database(database_url), Passwords(memory_kib), ManualClock()
        stack.push_async_callback(database.close)
        cache = await stack.enter_async_context(Cache(database, redis_url))
        stack.callback(passwords.close)
        signals = await stack.enter_async_context(Signals(redis_url))
        store, attempts = AccountStore(database), Attempts(signals.limits)
        accounts = AccountService(store=store, cache=cache)
        creation = AccountCreation(accounts=accounts, passwords=passwords, clock=clock)
        sessions = SessionService(store=store, cache=cache, passwords=passwords, attempts=attempts, clock=clock)
        links = AdministratorLinks(
            links=link_store(database),
            accounts=store,
            cache=cache,
            passwords=passwords,
            clock=clock,
        )
        registrations = RegistrationService(
            creation=creation,
            store=store,
            attempts=attempts,
            administrator_links=links,
            registration=registration,
            first_account=first_account,
        )
        operator = OperatorService(creation=creation, store=store, cache=cache, passwords=passwords)
        state = {
            "accounts": accounts,
            "registration": registrations,
            "sessions": sessions,
            "authenticator": sessions,
            "forwarded_hops": forwarded_hops,
        }
        http = await stack.enter_async_context(_client(state))
        yield AccountsApi(http, operator, sessions, store, cache, attempts, clock, links, registrations)


def _client(state: Json) -> httpx.AsyncClient:
    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(state)
        await _application()(scope, receive, send)

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(with_state, client=(a_client_address(), 50000)), base_url="http://app/v1"
    )


@cache
def _application() -> FastAPI:
    """Return the routes, which all services of this process share, because FastAPI prepares them slowly."""
    application = FastAPI(
        redirect_slashes=False,
        middleware=[
            Middleware(RequestContextMiddleware, metrics=RequestMetrics(CollectorRegistry())),
            Middleware(Deadline),
            Middleware(ErrorBoundary),
            Middleware(BodyLimit),
        ],
    )
    add_problem_responses(application)
    application.include_router(router, prefix="/v1")
    return application
