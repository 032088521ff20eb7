"""Limits on guessing passwords and probing addresses hold over all processes, whatever origin the client claims."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.accounts.service.limits import FAILED_SIGN_INS_OF_ADDRESS, FAILED_SIGN_INS_OF_CLIENT, TAKEN_ADDRESSES_OF_CLIENT
from app.migrations.run import migrate
from darkroom_shared.problems import Unauthenticated
from tests.accounts.accounts_api import AccountsApi, a_client_address, an_address, open_accounts_api
from tests.servers import free_port


async def _guess(accounts_api: AccountsApi, email: str, client: str | None = None) -> httpx.Response:
    headers = {"X-Forwarded-For": client} if client else {}
    return await accounts_api.http.post("/sessions", json={"email": email, "password": "a guess"}, headers=headers)


async def _guess_until_refused(accounts_api: AccountsApi, email: str) -> int:
    """Return the number of guesses that got 401 before the first 429."""
    guesses = 0
    while (response := await _guess(accounts_api, email, a_client_address())).status_code == 401:
        guesses += 1
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= FAILED_SIGN_INS_OF_ADDRESS.per_seconds
    return guesses


async def test_known_and_unknown_addresses_allow_the_same_number_of_guesses(anonymous: AccountsApi) -> None:
    accounts_api = anonymous
    known = (await accounts_api.register())["email"]

    assert await _guess_until_refused(accounts_api, known) == FAILED_SIGN_INS_OF_ADDRESS.maximum
    assert await _guess_until_refused(accounts_api, an_address()) == FAILED_SIGN_INS_OF_ADDRESS.maximum


async def test_writing_the_address_in_capitals_gives_no_more_guesses(anonymous: AccountsApi) -> None:
    accounts_api = anonymous
    email = an_address()
    await _guess_until_refused(accounts_api, email)

    assert (await _guess(accounts_api, email.upper(), a_client_address())).status_code == 429


async def test_the_limit_holds_over_processes_and_for_concurrent_guesses(
    accounts_api: AccountsApi, database_url: str, valkey_url: str
) -> None:
    email = an_address()
    async with open_accounts_api(database_url, valkey_url) as other:
        responses = await asyncio.gather(*(_guess(process, email) for process in (accounts_api, other) * 20))

    assert sum(response.status_code != 429 for response in responses) == FAILED_SIGN_INS_OF_ADDRESS.maximum


async def test_sign_ins_with_the_right_password_are_never_counted(anonymous: AccountsApi) -> None:
    accounts_api = anonymous
    body = await accounts_api.register()

    for _ in range(FAILED_SIGN_INS_OF_ADDRESS.maximum + 2):
        await accounts_api.sign_in(body)


async def _fail(accounts_api: AccountsApi, client: str) -> None:
    """Count a failed sign-in without the slow hashing of a wrong password."""
    async with accounts_api.attempts.sign_in(an_address(), client):
        raise Unauthenticated


async def test_a_client_with_forged_origins_gets_only_the_limit_of_guesses(accounts_api: AccountsApi) -> None:
    client, left = a_client_address(), 5
    for _ in range(FAILED_SIGN_INS_OF_CLIENT.maximum - left):
        with pytest.raises(Unauthenticated):
            await _fail(accounts_api, client)

    async def guess() -> int:
        forged = f"{a_client_address()}, {client}"  # what the client sent, and what our web tier added
        return (await _guess(accounts_api, an_address(), forged)).status_code

    statuses = await asyncio.gather(*(guess() for _ in range(left * 2)))

    assert sorted(statuses) == [401] * left + [429] * left
    assert (await _guess(accounts_api, an_address(), a_client_address())).status_code == 401


async def test_registering_many_addresses_does_not_reveal_accounts(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    for _ in range(TAKEN_ADDRESSES_OF_CLIENT.maximum):
        assert (await accounts_api.http.post("/accounts", json=body)).status_code == 409

    response = await accounts_api.http.post("/accounts", json=body)

    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0


async def test_registering_free_addresses_uses_up_no_limit(anonymous: AccountsApi) -> None:
    for _ in range(TAKEN_ADDRESSES_OF_CLIENT.maximum + 2):
        await anonymous.register()


async def test_sign_in_works_while_redis_is_unreachable(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'darkroom.db'}"
    await migrate(url)
    async with open_accounts_api(url, f"redis://127.0.0.1:{free_port()}/0") as accounts_api:
        assert (await accounts_api.register_and_sign_in())["token"]
