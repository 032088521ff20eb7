"""Sign-in does not reveal which addresses have an account, and hashing does not delay other requests."""

import asyncio
import hashlib
import statistics
import threading
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.accounts.service.passwords import MAX_PENDING, MEMORY_KIB, RETRY_AFTER_SECONDS, THREADS, Passwords
from app.stores.aurora import Database
from darkroom_shared.problems import Unavailable
from tests.accounts.accounts_api import PASSWORD, AccountsApi, an_address, open_accounts_api
from tests.api import CHEAP_MEMORY_KIB

SAMPLES = 5


@pytest.fixture
async def hashing_api(database_url: str, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process that hashes passwords with the service's own parameters, for tests of the time that it takes."""
    async with open_accounts_api(database_url, valkey_url, memory_kib=MEMORY_KIB) as opened:
        yield opened


async def test_a_wrong_password_and_an_unknown_address_get_the_same_response(accounts_api: AccountsApi) -> None:
    known = (await accounts_api.register())["email"]

    responses = [
        await accounts_api.http.post("/sessions", json={"email": email, "password": "not the password"})
        for email in (known, an_address())
    ]

    assert [response.status_code for response in responses] == [401, 401]
    assert responses[0].content == responses[1].content
    assert _names_and_values(responses[0].headers.multi_items()) == _names_and_values(
        responses[1].headers.multi_items()
    )


def _names_and_values(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name != "x-request-id"]


async def test_an_unknown_address_costs_as_much_work_as_a_wrong_password(hashing_api: AccountsApi) -> None:
    known = (await hashing_api.register())["email"]
    work: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(SAMPLES):
        for is_known in (True, False):
            begun = time.process_time()  # CPU time of this process, so that other load does not count
            await hashing_api.http.post(
                "/sessions", json={"email": known if is_known else an_address(), "password": "not the password"}
            )
            work[is_known].append(time.process_time() - begun)

    ratio = statistics.median(work[False]) / statistics.median(work[True])

    assert 0.6 < ratio < 1.7  # without the dummy hash it is below 0.2


async def test_the_database_holds_neither_password_nor_token(accounts_api: AccountsApi, database_url: str) -> None:
    signed_in = await accounts_api.register_and_sign_in()

    database = Database(database_url)
    async with database.writer.read() as connection:
        hashed = await connection.scalar(text("SELECT password_hash FROM accounts"))
        stored = await connection.scalar(text("SELECT token_hash FROM sessions"))
    await database.close()

    assert hashed is not None
    assert hashed.startswith("$argon2id$")
    assert stored == hashlib.sha256(signed_in["token"].encode()).hexdigest()


async def test_tokens_have_256_random_bits(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()

    tokens = [(await accounts_api.sign_in(body))["token"] for _ in range(3)]

    assert len(set(tokens)) == 3
    assert all(token.startswith("drs_") and len(token) == 4 + 43 for token in tokens)


async def test_other_requests_complete_while_sign_ins_wait_for_their_hash(hashing_api: AccountsApi) -> None:
    body = await hashing_api.register()
    headers = (await hashing_api.sign_in(body))["headers"]

    pending = [asyncio.create_task(hashing_api.http.post("/sessions", json=body)) for _ in range(12)]
    await asyncio.sleep(0)
    for _ in range(5):
        assert (await hashing_api.http.get("/account", headers=headers)).status_code == 200
    still_pending = sum(not task.done() for task in pending)
    responses = await asyncio.gather(*pending)

    assert still_pending > 0
    assert [response.status_code for response in responses] == [201] * 12


async def test_excess_password_checks_get_retry_after() -> None:
    passwords, free = Passwords(CHEAP_MEMORY_KIB), threading.Event()
    for _ in range(THREADS):
        passwords._threads.submit(free.wait)

    attempts = [asyncio.create_task(passwords.matches(None, PASSWORD)) for _ in range(MAX_PENDING + 5)]
    await asyncio.sleep(0)  # until each attempt waits for a thread or is refused
    free.set()
    responses = await asyncio.gather(*attempts, return_exceptions=True)

    refused = [response for response in responses if isinstance(response, Unavailable)]
    assert [response.retry_after_seconds for response in refused] == [RETRY_AFTER_SECONDS] * 5
    assert responses.count(False) == MAX_PENDING
    assert await passwords.matches(await passwords.hash(PASSWORD), PASSWORD)
    passwords.close()


async def test_a_new_password_ends_every_session_and_the_old_password(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    signed_in = await accounts_api.sign_in(body)

    await accounts_api.operator.reset_password(body["email"], "another password")

    assert (await accounts_api.http.get("/account", headers=signed_in["headers"])).status_code == 401
    assert (await accounts_api.http.post("/sessions", json=body)).status_code == 401
    await accounts_api.sign_in(body | {"password": "another password"})


@pytest.mark.parametrize("route", ["/accounts", "/sessions"])
async def test_an_idempotency_key_is_refused_where_a_secret_is_returned(accounts_api: AccountsApi, route: str) -> None:
    body = {"email": an_address(), "password": PASSWORD}

    response = await accounts_api.http.post(route, json=body, headers={"Idempotency-Key": "once"})

    assert response.status_code == 400
    assert response.json()["type"] == "urn:darkroom:problem:bad-request"
