"""Canary secrets: what somebody types or presents appears in no log and no error."""

import re
from collections.abc import Iterator
from io import StringIO

import pytest

from tests.accounts.front_door import PASSWORD, FrontDoor, an_address
from tests.written_logs import written_logs

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def logged() -> Iterator[StringIO]:
    with written_logs() as stream:
        yield stream


async def test_no_secret_reaches_the_logs(door: FrontDoor, logged: StringIO) -> None:
    body = await door.register()
    signed_in = await door.sign_in(body | {"label": "Ada's phone"})
    answers = [
        await door.http.post("/accounts", json=body),
        await door.http.post("/sessions", json=body | {"password": "canary-password"}),
        await door.http.post("/sessions", json=body | {"surprise": "canary-field"}),
        await door.http.post("/sessions", content=f'{{"email": "{body["email"]}", "canary', headers=JSON),
        await door.http.get("/sessions", headers=signed_in["headers"] | {"X-Request-Id": "known-request"}),
        await door.http.get("/account", headers={"Authorization": "Bearer drs_canary-token"}),
        await door.http.post("/sessions", json=body | {"cookie": True}, headers=signed_in["headers"]),
        await door.http.delete("/sessions", headers=signed_in["headers"]),
    ]
    await door.accounts.reset_password(body["email"], "canary-new-password")

    written = logged.getvalue()

    assert [answer.status_code for answer in answers] == [409, 401, 422, 400, 200, 401, 201, 401]
    assert "session.started" in written
    cookie = re.search(r"drs_[\w-]+", answers[6].headers["set-cookie"])
    assert cookie is not None
    for secret in (PASSWORD, body["email"], signed_in["token"], cookie[0], "canary", "argon2", "phone"):
        assert secret not in written
    for refused in (answer for answer in answers if answer.status_code >= 400):
        assert "canary" not in refused.text
        assert body["email"] not in refused.text


async def test_a_crash_is_answered_and_logged_without_what_was_sent(door: FrontDoor, logged: StringIO) -> None:
    body = {"email": an_address(), "password": PASSWORD}
    door.store._database = None  # type: ignore[assignment]  # any defect of ours will do

    answer = await door.http.post("/sessions", json=body, headers={"Authorization": "Bearer drs_canary-token"})

    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert answer.json()["type"] == "urn:darkroom:problem:internal"
    written = logged.getvalue()
    assert "request.crashed" in written
    for secret in (PASSWORD, body["email"], "canary"):
        assert secret not in written + answer.text
