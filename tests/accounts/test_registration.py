"""Registration: which addresses get an account, and which account is the administrator."""

import asyncio

import pytest

from app.settings import FirstAccount, Registration
from tests.accounts.accounts_api import PASSWORD, AccountsApi, an_address, open_accounts_api


async def test_a_registered_address_can_sign_in(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()

    signed_in = await accounts_api.sign_in(body)

    assert signed_in["account"]["email"] == body["email"]
    response = await accounts_api.http.get("/account", headers=signed_in["headers"])
    assert response.json() == signed_in["account"]
    assert response.headers["Cache-Control"] == "no-store"


async def test_only_the_first_account_is_the_administrator(accounts_api: AccountsApi) -> None:
    signed_in = [await accounts_api.register_and_sign_in() for _ in range(3)]

    assert [each["account"]["administrator"] for each in signed_in] == [True, False, False]


async def test_of_many_concurrent_first_registrations_one_is_the_administrator(
    accounts_api: AccountsApi, database_url: str, valkey_url: str
) -> None:
    async with open_accounts_api(database_url, valkey_url) as other:
        responses = await asyncio.gather(
            *(
                process.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
                for process in (accounts_api, other) * 5
            )
        )

    assert [response.status_code for response in responses] == [201] * 10
    assert sum(response.json()["administrator"] for response in responses) == 1


async def test_an_address_is_registered_once_however_it_is_written(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()

    response = await accounts_api.http.post("/accounts", json=body | {"email": body["email"].upper()})

    assert response.status_code == 409
    assert response.json()["type"] == "urn:darkroom:problem:address-taken"


async def test_of_many_concurrent_registrations_of_one_address_one_succeeds(
    accounts_api: AccountsApi, database_url: str, valkey_url: str
) -> None:
    await accounts_api.register()
    body = {"email": an_address(), "password": PASSWORD}
    async with open_accounts_api(database_url, valkey_url) as other:
        responses = await asyncio.gather(
            *(process.http.post("/accounts", json=body) for process in (accounts_api, other) * 5)
        )

    assert sorted(response.status_code for response in responses) == [201] + [409] * 9


async def test_closed_registration_refuses_even_the_first_account(database_url: str, valkey_url: str) -> None:
    async with open_accounts_api(database_url, valkey_url, registration=Registration.CLOSED) as closed:
        response = await closed.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})

    assert response.status_code == 403
    assert response.json()["type"] == "urn:darkroom:problem:registration-closed"


async def test_a_registration_after_the_operators_account_is_no_administrator(accounts_api: AccountsApi) -> None:
    await accounts_api.operator.create(an_address(), PASSWORD, administrator=False)

    signed_in = await accounts_api.register_and_sign_in()

    assert signed_in["account"]["administrator"] is False


@pytest.mark.parametrize("password", ["a" * 9, "a" * 257, "  ada@EXAMPLE.com"])
async def test_a_common_password_is_refused(accounts_api: AccountsApi, password: str) -> None:
    response = await accounts_api.http.post("/accounts", json={"email": "ada@example.com", "password": password})

    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["password"]
    assert password not in response.text


async def test_a_password_may_have_any_characters(accounts_api: AccountsApi) -> None:
    for password in ("пароль пароль", "\N{CAMERA}" * 10, "\0" * 10, " " * 10):
        body = {"email": an_address(), "password": password}
        assert (await accounts_api.http.post("/accounts", json=body)).status_code == 201
        await accounts_api.sign_in(body)


async def test_a_password_matches_in_every_unicode_normalization(accounts_api: AccountsApi) -> None:
    body = {"email": an_address(), "password": "\N{LATIN SMALL LETTER E WITH ACUTE}" * 10}
    await accounts_api.http.post("/accounts", json=body)

    await accounts_api.sign_in(body | {"password": "e\N{COMBINING ACUTE ACCENT}" * 10})


async def test_registration_opens_only_after_an_operators_first_account(database_url: str, valkey_url: str) -> None:
    async with open_accounts_api(database_url, valkey_url, first_account=FirstAccount.COMMAND) as accounts_api:
        refused = await accounts_api.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
        assert refused.json()["type"] == "urn:darkroom:problem:registration-closed"
        await accounts_api.operator.create(an_address(), PASSWORD, administrator=True)
        registered = await accounts_api.http.post("/accounts", json={"email": an_address(), "password": PASSWORD})
    assert (registered.status_code, registered.json()["administrator"]) == (201, False)
