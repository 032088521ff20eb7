"""Guessing passwords and asking for addresses ends soon, in all processes together, whatever the client claims."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.accounts.limits import FAILED_SIGN_INS_OF_ADDRESS, FAILED_SIGN_INS_OF_CLIENT, TAKEN_ADDRESSES_OF_CLIENT
from app.migrations.run import migrate
from shared.problems import Unauthenticated
from tests.accounts.front_door import FrontDoor, a_client_address, an_address, open_front_door
from tests.servers import free_port


async def _guess(door: FrontDoor, email: str, client: str | None = None) -> httpx.Response:
    headers = {"X-Forwarded-For": client} if client else {}
    return await door.http.post("/sessions", json={"email": email, "password": "a guess"}, headers=headers)


async def _guess_until_refused(door: FrontDoor, email: str) -> int:
    """How many guesses were answered."""
    guesses = 0
    while (answer := await _guess(door, email, a_client_address())).status_code == 401:
        guesses += 1
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= FAILED_SIGN_INS_OF_ADDRESS.per_seconds
    return guesses


async def test_an_address_is_guessed_so_often_and_not_more_known_or_unknown(anonymous: FrontDoor) -> None:
    door = anonymous
    known = (await door.register())["email"]

    assert await _guess_until_refused(door, known) == FAILED_SIGN_INS_OF_ADDRESS.most
    assert await _guess_until_refused(door, an_address()) == FAILED_SIGN_INS_OF_ADDRESS.most


async def test_writing_the_address_in_capitals_gives_no_more_guesses(anonymous: FrontDoor) -> None:
    door = anonymous
    email = an_address()
    await _guess_until_refused(door, email)

    assert (await _guess(door, email.upper(), a_client_address())).status_code == 429


async def test_the_limit_holds_over_processes_and_for_guesses_at_once(
    door: FrontDoor, database_url: str, valkey_url: str
) -> None:
    email = an_address()
    async with open_front_door(database_url, valkey_url) as other:
        answers = await asyncio.gather(*(_guess(process, email) for process in (door, other) * 20))

    assert sum(answer.status_code != 429 for answer in answers) == FAILED_SIGN_INS_OF_ADDRESS.most


async def test_who_knows_the_password_is_never_counted(anonymous: FrontDoor) -> None:
    door = anonymous
    body = await door.register()

    for _ in range(FAILED_SIGN_INS_OF_ADDRESS.most + 2):
        await door.sign_in(body)


async def _fail(door: FrontDoor, client: str) -> None:
    """As a wrong password does, without the work of checking it."""
    async with door.attempts.sign_in(an_address(), client):
        raise Unauthenticated


async def test_one_client_guesses_so_many_addresses_however_it_forges_its_origin(door: FrontDoor) -> None:
    client, left = a_client_address(), 5
    for _ in range(FAILED_SIGN_INS_OF_CLIENT.most - left):
        with pytest.raises(Unauthenticated):
            await _fail(door, client)

    async def guess() -> int:
        forged = f"{a_client_address()}, {client}"  # what the client sent, and what our web tier added
        return (await _guess(door, an_address(), forged)).status_code

    statuses = await asyncio.gather(*(guess() for _ in range(left * 2)))

    assert sorted(statuses) == [401] * left + [429] * left
    assert (await _guess(door, an_address(), a_client_address())).status_code == 401


async def test_nobody_learns_the_accounts_by_registering_them_all(door: FrontDoor) -> None:
    body = await door.register()
    for _ in range(TAKEN_ADDRESSES_OF_CLIENT.most):
        assert (await door.http.post("/accounts", json=body)).status_code == 409

    answer = await door.http.post("/accounts", json=body)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


async def test_registering_free_addresses_uses_nothing_up(anonymous: FrontDoor) -> None:
    for _ in range(TAKEN_ADDRESSES_OF_CLIENT.most + 2):
        await anonymous.register()


async def test_people_sign_in_while_redis_is_away(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}"
    await migrate(url)
    async with open_front_door(url, f"redis://127.0.0.1:{free_port()}/0") as door:
        assert (await door.register_and_sign_in())["token"]
