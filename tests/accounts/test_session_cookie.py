"""The session cookie: scripts cannot read it, it is sent over HTTPS only, and it is cleared with its session."""

from http.cookies import Morsel, SimpleCookie

import httpx
import pytest

from tests.accounts.accounts_api import AccountsApi

LOOPBACK = {"X-Darkroom-Cookie": "darkroom_8080"}


def _cookie(response: httpx.Response) -> Morsel[str]:
    (header,) = response.headers.get_list("set-cookie")
    (morsel,) = SimpleCookie(header).values()
    return morsel


async def test_the_token_is_in_the_cookie_and_not_in_the_body(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()

    response = await accounts_api.http.post("/sessions", json=body | {"cookie": True})

    cookie = _cookie(response)
    assert response.json()["token"] is None
    assert cookie.value.startswith("drs_")
    assert cookie.value not in response.text
    response = await accounts_api.http.get("/account", headers={"Authorization": f"Bearer {cookie.value}"})
    assert response.json()["email"] == body["email"]


async def test_no_cookie_is_set_unless_requested(accounts_api: AccountsApi) -> None:
    response = await accounts_api.http.post("/sessions", json=await accounts_api.register(), headers=LOOPBACK)

    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    ("requested", "name", "secure"),
    [
        (None, "__Host-darkroom", True),
        ("__Host-darkroom", "__Host-darkroom", True),
        ("darkroom_8080", "darkroom_8080", False),
        ("other", "__Host-darkroom", True),
        ("darkroom_8080; Domain=evil.example", "__Host-darkroom", True),
    ],
)
async def test_the_cookie_is_hardened_under_every_name(
    accounts_api: AccountsApi, requested: str | None, name: str, secure: bool
) -> None:
    headers = {"X-Darkroom-Cookie": requested} if requested else {}

    response = await accounts_api.http.post(
        "/sessions", json=await accounts_api.register() | {"cookie": True}, headers=headers
    )

    cookie = _cookie(response)
    assert cookie.key == name
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert bool(cookie["secure"]) is secure


async def test_the_cookie_is_cleared_only_with_its_own_session(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    other = (await accounts_api.sign_in(body))["session"]["id"]
    for route in ("/sessions/current", "/sessions/{mine}", "/sessions"):
        mine = await accounts_api.sign_in(body)
        headers = mine["headers"] | LOOPBACK
        if other:
            assert "set-cookie" not in (await accounts_api.http.delete(f"/sessions/{other}", headers=headers)).headers
            other = None

        response = await accounts_api.http.delete(route.format(mine=mine["session"]["id"]), headers=headers)

        cookie = _cookie(response)
        assert response.status_code == 204
        assert (cookie.key, cookie.value, cookie["max-age"], cookie["path"]) == ("darkroom_8080", "", "0", "/")
