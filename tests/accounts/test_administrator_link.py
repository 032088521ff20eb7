"""The one-time link that makes the first account where registration is closed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from app.accounts.schema.tables import administrator_links
from app.accounts.service.administrator_link import LIFETIME
from app.accounts.service.limits import TAKEN_ADDRESSES_OF_CLIENT
from app.accounts.service.registration import LINK_COMMAND
from app.accounts.store.administrator_link import AdministratorLinkStore
from app.settings import FirstAccount, Registration
from app.stores.aurora import Database
from tests.accounts.accounts_api import PASSWORD, AccountsApi, Json, an_address, open_accounts_api
from tests.servers import free_port

INVALID = {
    "type": "urn:darkroom:problem:administrator-link-invalid",
    "title": "This link makes no account any more",
    "status": 403,
    "retry": False,
}


@pytest.fixture
async def closed(database_url: str, valkey_url: str) -> AsyncIterator[AccountsApi]:
    """One process with closed registration and no accounts."""
    async with open_accounts_api(database_url, valkey_url, registration=Registration.CLOSED) as opened:
        yield opened


async def _issued(accounts_api: AccountsApi) -> str:
    token = await accounts_api.administrator_links.issue()
    assert token is not None
    return token


def _body(token: str, **more: str) -> Json:
    return {"email": an_address(), "password": PASSWORD, "administrator_token": token} | more


async def _register(accounts_api: AccountsApi, token: str, **more: str) -> httpx.Response:
    content = json.dumps(_body(token, **more))  # httpx itself sends no lone surrogate
    return await accounts_api.http.post("/accounts", content=content, headers={"Content-Type": "application/json"})


def _is_refused(response: httpx.Response) -> bool:
    return (response.status_code, response.json()) == (403, INVALID)


async def test_the_link_creates_the_first_administrator_once(closed: AccountsApi) -> None:
    token = await _issued(closed)

    created = await _register(closed, token, email="Ada@Example.com")

    assert (created.status_code, created.json()["administrator"]) == (201, True)
    signed_in = await closed.sign_in({"email": "ada@example.com", "password": PASSWORD})
    assert signed_in["account"] == created.json()
    assert _is_refused(await _register(closed, token))


async def test_the_first_account_by_a_link_counts_as_the_first_one(
    closed: AccountsApi, database_url: str, valkey_url: str
) -> None:
    await _register(closed, await _issued(closed))

    async with open_accounts_api(database_url, valkey_url) as opened:
        assert (await opened.register_and_sign_in())["account"]["administrator"] is False


@pytest.mark.parametrize("token", ["", "dra_wrong", "\ud800", "x" * 256])
async def test_a_wrong_token_is_refused_like_a_used_one(closed: AccountsApi, token: str) -> None:
    await _issued(closed)

    assert _is_refused(await _register(closed, token))


async def test_a_link_expires_after_a_day(closed: AccountsApi) -> None:
    token = await _issued(closed)
    closed.clock.now += LIFETIME

    assert _is_refused(await _register(closed, token))


async def test_a_new_link_replaces_the_previous_one(closed: AccountsApi) -> None:
    previous, new = await _issued(closed), await _issued(closed)

    assert _is_refused(await _register(closed, previous))
    assert (await _register(closed, new)).status_code == 201


async def test_a_link_is_void_as_soon_as_an_account_exists(closed: AccountsApi) -> None:
    token = await _issued(closed)
    await closed.operator.create(an_address(), PASSWORD, administrator=False)

    assert _is_refused(await _register(closed, token))
    assert await closed.administrator_links.issue() is None


async def test_a_link_works_although_registration_is_open(accounts_api: AccountsApi) -> None:
    created = await _register(accounts_api, await _issued(accounts_api))

    assert (created.status_code, created.json()["administrator"]) == (201, True)


async def test_of_many_concurrent_uses_of_a_link_one_succeeds(
    closed: AccountsApi, database_url: str, valkey_url: str
) -> None:
    token = await _issued(closed)
    async with open_accounts_api(database_url, valkey_url, registration=Registration.CLOSED) as other:
        responses = await asyncio.gather(*(_register(process, token) for process in (closed, other) * 5))

    assert sorted(response.status_code for response in responses) == [201] + [403] * 9
    assert all(_is_refused(response) for response in responses if response.status_code == 403)


async def test_of_concurrently_issued_links_the_last_one_stored_is_valid(closed: AccountsApi) -> None:
    issued = await asyncio.gather(*(_issued(closed) for _ in range(2)))

    statuses = [(await _register(closed, token)).status_code for token in issued]

    assert sorted(statuses) == [201, 403]


class _OutdatedLinks(AdministratorLinkStore):
    """Reads as it was just before another account became the first one."""

    async def is_valid(self, token_hash: str, now: datetime) -> bool:
        return True

    async def use(self, connection: AsyncConnection, token_hash: str, now: datetime) -> bool:
        return True


async def test_a_link_makes_no_account_beside_one_that_is_created_meanwhile(database_url: str, valkey_url: str) -> None:
    async with open_accounts_api(database_url, valkey_url, link_store=_OutdatedLinks) as accounts_api:
        await accounts_api.register()
        refused = _body("any")

        assert _is_refused(await accounts_api.http.post("/accounts", json=refused))
        assert await accounts_api.store.get_credentials(refused["email"]) is None


async def test_a_refused_password_does_not_use_up_the_link(closed: AccountsApi) -> None:
    token = await _issued(closed)

    refused = await _register(closed, token, email="ada@example.com", password="ada@example.com")

    assert refused.json()["type"] == "urn:darkroom:problem:invalid"
    assert (await _register(closed, token)).status_code == 201


async def test_guesses_of_tokens_are_limited_like_probes_of_addresses(closed: AccountsApi) -> None:
    token = await _issued(closed)
    for _ in range(TAKEN_ADDRESSES_OF_CLIENT.maximum):
        assert _is_refused(await _register(closed, "dra_guess"))

    assert (await _register(closed, token)).status_code == 429


async def test_only_the_hash_of_the_token_is_stored(closed: AccountsApi, database_url: str) -> None:
    token = await _issued(closed)

    database = Database(database_url)
    async with database.writer.read() as connection:
        stored = str((await connection.execute(administrator_links.select())).all())
    await database.close()
    assert token.removeprefix("dra_") not in stored


@pytest.mark.parametrize(
    ("registration", "first_account", "is_reported"),
    [
        (Registration.CLOSED, FirstAccount.ANYONE, True),
        (Registration.OPEN, FirstAccount.COMMAND, True),
        (Registration.OPEN, FirstAccount.ANYONE, False),
    ],
)
async def test_a_start_without_accounts_names_the_command_where_callers_cannot_register(
    make_sqlite: Callable[[], str],
    valkey_url: str,
    registration: Registration,
    first_account: FirstAccount,
    is_reported: bool,
) -> None:
    async with open_accounts_api(
        make_sqlite(), valkey_url, registration=registration, first_account=first_account
    ) as accounts_api:
        with capture_logs() as before:
            await accounts_api.registration.report_missing_administrator()
        await accounts_api.operator.create(an_address(), PASSWORD, administrator=True)
        with capture_logs() as after:
            await accounts_api.registration.report_missing_administrator()

    entry = {"event": "administrator.missing", "log_level": "info", "command": LINK_COMMAND}
    assert (before, after) == ([entry] if is_reported else [], [])


async def test_a_start_without_the_database_does_not_fail(valkey_url: str) -> None:
    url = f"mysql+asyncmy://root@127.0.0.1:{free_port()}/darkroom"
    async with open_accounts_api(url, valkey_url, registration=Registration.CLOSED) as accounts_api:
        await accounts_api.registration.report_missing_administrator()
