"""`python -m app reset-password` beside apps that have the account's sessions in their cache."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from shared.task_group import TaskGroup
from tests.drills.installation import outer_environment
from tests.reads.twins import Somebody, Twins

NEW_PASSWORD = "another horse and its battery"


async def test_once_an_operator_has_set_a_new_password_the_next_request_of_an_old_session_is_refused_everywhere(
    twins: Twins,
) -> None:
    somebody = await twins.somebody()
    await twins.warm(somebody, "/account")  # so the session is answered for by what lies in Redis

    async with _asking_all_the_time(somebody) as answered:
        assert await _reset_password(twins, somebody.email) == 0
        refused = await asyncio.gather(*(client.get("/account") for client in somebody.clients))
    assert [answer.status_code for answer in refused] == [401, 401]
    assert set(answered) == {200, 401}

    who = {"email": somebody.email, "password": NEW_PASSWORD}
    assert [(await client.post("/sessions", json=who)).status_code for client in somebody.clients] == [201, 201]


@asynccontextmanager
async def _asking_all_the_time(somebody: Somebody) -> AsyncIterator[list[int]]:
    """With the old session, at each process: at the moment that it ends, somebody reads it."""
    answered: list[int] = []
    stopping = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not stopping.is_set():
            answered.append((await client.get("/account")).status_code)

    async with TaskGroup() as tasks:
        for client in somebody.clients:
            tasks.create_task(ask(client))
        yield answered
        stopping.set()


async def _reset_password(twins: Twins, email: str) -> int | None:
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "reset-password", email,
        env=outer_environment() | twins.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await command.communicate(f"{NEW_PASSWORD}\n".encode())
    return command.returncode
