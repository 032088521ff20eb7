"""Canary secrets: passwords, tokens and addresses from requests appear in no log entry and no error."""

import re
from collections.abc import Iterator
from io import StringIO

import pytest

from tests.accounts.accounts_api import PASSWORD, AccountsApi, an_address
from tests.written_logs import written_logs

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def logged() -> Iterator[StringIO]:
    with written_logs() as stream:
        yield stream


async def test_no_secret_reaches_the_logs(accounts_api: AccountsApi, logged: StringIO) -> None:
    body = await accounts_api.register()
    signed_in = await accounts_api.sign_in(body | {"label": "Ada's phone"})
    responses = [
        await accounts_api.http.post("/accounts", json=body),
        await accounts_api.http.post("/sessions", json=body | {"password": "canary-password"}),
        await accounts_api.http.post("/sessions", json=body | {"surprise": "canary-field"}),
        await accounts_api.http.post("/sessions", content=f'{{"email": "{body["email"]}", "canary', headers=JSON),
        await accounts_api.http.get("/sessions", headers=signed_in["headers"] | {"X-Request-Id": "known-request"}),
        await accounts_api.http.get("/account", headers={"Authorization": "Bearer drs_canary-token"}),
        await accounts_api.http.post("/sessions", json=body | {"cookie": True}, headers=signed_in["headers"]),
        await accounts_api.http.delete("/sessions", headers=signed_in["headers"]),
    ]
    await accounts_api.operator.reset_password(body["email"], "canary-new-password")

    written = logged.getvalue()

    assert [response.status_code for response in responses] == [409, 401, 422, 400, 200, 401, 201, 401]
    assert "session.started" in written
    cookie = re.search(r"drs_[\w-]+", responses[6].headers["set-cookie"])
    assert cookie is not None
    for secret in (PASSWORD, body["email"], signed_in["token"], cookie[0], "canary", "argon2", "phone"):
        assert secret not in written
    for refused in (response for response in responses if response.status_code >= 400):
        assert "canary" not in refused.text
        assert body["email"] not in refused.text


async def test_a_crash_response_and_log_omit_the_request_body(accounts_api: AccountsApi, logged: StringIO) -> None:
    body = {"email": an_address(), "password": PASSWORD}
    accounts_api.store._database = None  # type: ignore[assignment]  # any internal error will do

    response = await accounts_api.http.post(
        "/sessions", json=body, headers={"Authorization": "Bearer drs_canary-token"}
    )

    assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
    assert response.json()["type"] == "urn:darkroom:problem:internal"
    written = logged.getvalue()
    assert "request.crashed" in written
    for secret in (PASSWORD, body["email"], "canary"):
        assert secret not in written + response.text
