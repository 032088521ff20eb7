"""Who gets an account, and who the administrator is."""

import asyncio

import pytest

from app.settings import FirstAccount, Registration
from tests.accounts.front_door import PASSWORD, FrontDoor, an_address, open_front_door


async def test_a_registered_address_can_sign_in(door: FrontDoor) -> None:
    body = await door.register()

    signed_in = await door.sign_in(body)

    assert signed_in["account"]["email"] == body["email"]
    answer = await door.http.get("/account", headers=signed_in["headers"])
    assert answer.json() == signed_in["account"]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_the_first_account_is_the_administrator_and_no_other(door: FrontDoor) -> None:
    signed_in = [await door.register_and_sign_in() for _ in range(3)]

    assert [each["account"]["administrator"] for each in signed_in] == [True, False, False]


async def test_of_many_who_register_first_at_once_one_is_the_administrator(
    door: FrontDoor, database_url: str, valkey_url: str
) -> None:
    async with open_front_door(database_url, valkey_url) as other:
        answers = await asyncio.gather(
            *(
                process.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
                for process in (door, other) * 5
            )
        )

    assert [answer.status_code for answer in answers] == [201] * 10
    assert sum(answer.json()["administrator"] for answer in answers) == 1


async def test_an_address_is_registered_once_however_it_is_written(door: FrontDoor) -> None:
    body = await door.register()

    answer = await door.http.post("/accounts", json=body | {"email": body["email"].upper()})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:darkroom:problem:address-taken"


async def test_of_many_who_register_one_address_at_once_one_succeeds(
    door: FrontDoor, database_url: str, valkey_url: str
) -> None:
    await door.register()
    body = {"email": an_address(), "password": PASSWORD}
    async with open_front_door(database_url, valkey_url) as other:
        answers = await asyncio.gather(*(process.http.post("/accounts", json=body) for process in (door, other) * 5))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_where_registration_is_closed_nobody_registers_not_even_the_first(
    database_url: str, valkey_url: str
) -> None:
    async with open_front_door(database_url, valkey_url, registration=Registration.CLOSED) as closed:
        answer = await closed.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:darkroom:problem:registration-closed"


async def test_the_first_stranger_is_no_administrator_where_the_operator_was_first(door: FrontDoor) -> None:
    await door.accounts.create(an_address(), PASSWORD, administrator=False)

    signed_in = await door.register_and_sign_in()

    assert signed_in["account"]["administrator"] is False


@pytest.mark.parametrize("password", ["a" * 9, "a" * 257, "  ada@EXAMPLE.com"])
async def test_a_password_that_anybody_would_try_first_is_refused(door: FrontDoor, password: str) -> None:
    answer = await door.http.post("/accounts", json={"email": "ada@example.com", "password": password})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert password not in answer.text


async def test_a_password_may_have_any_characters(door: FrontDoor) -> None:
    for password in ("пароль пароль", "\N{CAMERA}" * 10, "\0" * 10, " " * 10):
        body = {"email": an_address(), "password": password}
        assert (await door.http.post("/accounts", json=body)).status_code == 201
        await door.sign_in(body)


async def test_the_same_password_typed_on_another_keyboard_is_the_same(door: FrontDoor) -> None:
    body = {"email": an_address(), "password": "\N{LATIN SMALL LETTER E WITH ACUTE}" * 10}
    await door.http.post("/accounts", json=body)

    await door.sign_in(body | {"password": "e\N{COMBINING ACUTE ACCENT}" * 10})


async def test_where_an_operator_makes_the_first_account_strangers_register_only_after_it(
    database_url: str, valkey_url: str
) -> None:
    async with open_front_door(database_url, valkey_url, first_account=FirstAccount.COMMAND) as door:
        refused = await door.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
        assert refused.json()["type"] == "urn:darkroom:problem:registration-closed"
        await door.accounts.create(an_address(), PASSWORD, administrator=True)
        registered = await door.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
    assert (registered.status_code, registered.json()["administrator"]) == (201, False)
