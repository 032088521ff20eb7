"""Two app processes that share a database with its reader and a Redis, and a user of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from app.settings import Settings
from darkroom_process.settings import variable_of
from darkroom_shared.ids import new_ulid
from tests.api import PASSWORD
from tests.database_pair import DatabasePair
from tests.drills.processes import Process, Processes, stopping_processes
from tests.reads.statements import StatementLog, logged
from tests.redis_pair import RedisNode
from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.services import Stores

WAIT_SECONDS = 120
CACHED_TABLES = ("sessions", "accounts", "albums", "album_members")
"""The tables of the values from which the account and an album are served."""


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in user, with one client for each process."""

    email: str
    token: str
    clients: tuple[httpx.AsyncClient, ...]

    async def album(self) -> str:
        """Create an album and return its id; no process has read it yet."""
        response = await self.clients[0].post("/albums", json={"title": "Summer"})
        return str(response.raise_for_status().json()["id"])


@dataclass(frozen=True, slots=True)
class AppPair:
    pair: DatabasePair
    database: str
    node: RedisNode
    redis: Redis
    """A client of Redis that bypasses the apps."""
    log: StatementLog
    processes: Processes
    apps: tuple[Process, ...]
    environment: dict[str, str]
    stack: AsyncExitStack

    async def user(self) -> User:
        """Return a new user with an account of their own."""
        who = {"email": f"{new_ulid().lower()}@example.org", "password": PASSWORD}
        async with httpx.AsyncClient(base_url=f"{self.apps[0].url}/v1", timeout=WAIT_SECONDS) as http:
            (await http.post("/accounts", json=who)).raise_for_status()
            token = (await http.post("/sessions", json=who)).raise_for_status().json()["token"]
        clients = [await self.client(app, token) for app in self.apps]
        return User(who["email"], token, tuple(clients))

    async def client(self, app: Process, token: str) -> httpx.AsyncClient:
        """Return a client that never retries."""
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(base_url=f"{app.url}/v1", timeout=WAIT_SECONDS, headers=headers)
        return await self.stack.enter_async_context(client)

    def errors(self) -> list[dict[str, Any]]:
        """Return the log entries of failed requests."""
        return [entry for app in self.apps for entry in app.entries() if entry["event"] == "request.failed"]

    async def warm(self, user: User, path: str) -> None:
        """Wait until each process serves `path` without a database query: it has a permit, and the values are
        cached.
        """
        for client in user.clients:
            await until_true(lambda client=client: self._costs_nothing(client, path))  # type: ignore[misc]

    async def _costs_nothing(self, client: httpx.AsyncClient, path: str) -> bool:
        before = await self.log.selects(*CACHED_TABLES)
        assert (await client.get(path)).status_code == 200
        return await self.log.selects(*CACHED_TABLES) == before


@asynccontextmanager
async def running_pair(
    pair: DatabasePair, database: str, node: RedisNode, stores: Stores, folder: Path
) -> AsyncIterator[AppPair]:
    """Start two apps and wait until both are ready; later processes are stopped with them."""
    settings = stores.settings(
        database_url=SecretStr(pair.writer.url(database)),
        database_reader_url=SecretStr(pair.reader.url(database)),
        redis_url=SecretStr(node.url),
    )
    environment = _environment(settings)
    async with AsyncExitStack() as stack:
        redis: Redis = await stack.enter_async_context(Redis(port=node.port))
        log = await stack.enter_async_context(logged(pair))
        processes = stack.enter_context(stopping_processes(environment, folder))
        apps = (processes.app(), processes.app())
        await asyncio.gather(*(app.ready() for app in apps))
        yield AppPair(pair, database, node, redis, log, processes, apps, environment, stack)


def _environment(settings: Settings) -> dict[str, str]:
    own = {variable_of(Settings, name): _plain(getattr(settings, name)) for name in settings.model_fields_set}
    return own | {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}


def _plain(value: Any) -> str:
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


async def until_true(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await holds():  # noqa: ASYNC110 - no event of other processes
            await asyncio.sleep(0.05)
