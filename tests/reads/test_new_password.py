"""`python -m app reset-password` beside apps that have the account's sessions in their cache."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from darkroom_shared.task_group import TaskGroup
from tests.drills.installation import outer_environment
from tests.reads.app_pair import AppPair, User

NEW_PASSWORD = "another horse and its battery"


async def test_after_an_operator_sets_a_password_every_process_refuses_the_old_sessions(
    pair: AppPair,
) -> None:
    user = await pair.user()
    await pair.warm(user, "/account")  # so that the session is served from Redis

    async with _requesting_continuously(user) as statuses:
        assert await _reset_password(pair, user.email) == 0
        refused = await asyncio.gather(*(client.get("/account") for client in user.clients))
    assert [response.status_code for response in refused] == [401, 401]
    assert set(statuses) == {200, 401}

    who = {"email": user.email, "password": NEW_PASSWORD}
    assert [(await client.post("/sessions", json=who)).status_code for client in user.clients] == [201, 201]


@asynccontextmanager
async def _requesting_continuously(user: User) -> AsyncIterator[list[int]]:
    """Send requests with the old session at each process, so that one reads it at the moment when it ends."""
    statuses: list[int] = []
    stopping = asyncio.Event()

    async def send(client: httpx.AsyncClient) -> None:
        while not stopping.is_set():
            statuses.append((await client.get("/account")).status_code)

    async with TaskGroup() as tasks:
        for client in user.clients:
            tasks.create_task(send(client))
        yield statuses
        stopping.set()


async def _reset_password(pair: AppPair, email: str) -> int | None:
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "reset-password", email,
        env=outer_environment() | pair.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await command.communicate(f"{NEW_PASSWORD}\n".encode())
    return command.returncode
