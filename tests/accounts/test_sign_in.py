"""Sign-in tells nobody who has an account, and hashing stands in nobody's way."""

import asyncio
import hashlib
import statistics
import time

import pytest
from sqlalchemy import text

from app.accounts.passwords import MOST_PENDING, RETRY_AFTER_SECONDS, Passwords
from app.stores.aurora import Database
from shared.problems import Unavailable
from tests.accounts.front_door import PASSWORD, FrontDoor, an_address

SAMPLES = 9


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(door: FrontDoor) -> None:
    known = (await door.register())["email"]

    answers = [
        await door.http.post("/sessions", json={"email": email, "password": "not the password"})
        for email in (known, an_address())
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    assert _names_and_values(answers[0].headers.multi_items()) == _names_and_values(answers[1].headers.multi_items())


def _names_and_values(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name != "x-request-id"]


async def test_an_unknown_address_costs_as_much_work_as_a_wrong_password(door: FrontDoor) -> None:
    known = (await door.register())["email"]
    work: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(SAMPLES):
        for is_known in (True, False):
            begun = time.process_time()  # of this process alone: no neighbour's load is in it
            await door.http.post(
                "/sessions", json={"email": known if is_known else an_address(), "password": "not the password"}
            )
            work[is_known].append(time.process_time() - begun)

    ratio = statistics.median(work[False]) / statistics.median(work[True])

    assert 0.6 < ratio < 1.7  # without the dummy hash it is below 0.2


async def test_the_database_holds_neither_password_nor_token(door: FrontDoor, database_url: str) -> None:
    signed_in = await door.register_and_sign_in()

    database = Database(database_url)
    async with database.writer.read() as connection:
        hashed = await connection.scalar(text("SELECT password_hash FROM accounts"))
        stored = await connection.scalar(text("SELECT token_hash FROM sessions"))
    await database.close()

    assert hashed is not None
    assert hashed.startswith("$argon2id$")
    assert stored == hashlib.sha256(signed_in["token"].encode()).hexdigest()


async def test_tokens_have_256_random_bits(door: FrontDoor) -> None:
    body = await door.register()

    tokens = [(await door.sign_in(body))["token"] for _ in range(3)]

    assert len(set(tokens)) == 3
    assert all(token.startswith("drs_") and len(token) == 4 + 43 for token in tokens)


async def test_other_requests_are_answered_while_sign_ins_wait_for_their_hash(door: FrontDoor) -> None:
    body = await door.register()
    headers = (await door.sign_in(body))["headers"]

    pending = [asyncio.create_task(door.http.post("/sessions", json=body)) for _ in range(12)]
    await asyncio.sleep(0)
    for _ in range(5):
        assert (await door.http.get("/account", headers=headers)).status_code == 200
    still_pending = sum(not task.done() for task in pending)
    answers = await asyncio.gather(*pending)

    assert still_pending > 0
    assert [answer.status_code for answer in answers] == [201] * 12


async def test_more_passwords_than_can_be_hashed_soon_are_told_to_come_back() -> None:
    passwords = Passwords()

    asked = [passwords.matches(None, PASSWORD) for _ in range(MOST_PENDING + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert [answer.retry_after_seconds for answer in refused] == [RETRY_AFTER_SECONDS] * 5
    assert answers.count(False) == MOST_PENDING
    assert await passwords.matches(await passwords.hash(PASSWORD), PASSWORD)
    passwords.close()


async def test_a_new_password_ends_every_session_and_the_old_password(door: FrontDoor) -> None:
    body = await door.register()
    signed_in = await door.sign_in(body)

    await door.accounts.reset_password(body["email"], "another password")

    assert (await door.http.get("/account", headers=signed_in["headers"])).status_code == 401
    assert (await door.http.post("/sessions", json=body)).status_code == 401
    await door.sign_in(body | {"password": "another password"})


@pytest.mark.parametrize("route", ["/accounts", "/sessions"])
async def test_an_idempotency_key_is_refused_where_a_secret_is_shown_once(door: FrontDoor, route: str) -> None:
    body = {"email": an_address(), "password": PASSWORD}

    answer = await door.http.post(route, json=body, headers={"Idempotency-Key": "once"})

    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:darkroom:problem:bad-request"
