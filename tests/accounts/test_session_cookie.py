"""The session as a cookie: never readable by a script, never sent in the clear, gone when the session is."""

from http.cookies import Morsel, SimpleCookie

import httpx
import pytest

from tests.accounts.front_door import FrontDoor

LOOPBACK = {"X-Darkroom-Cookie": "darkroom_8080"}


def _cookie(answer: httpx.Response) -> Morsel[str]:
    (header,) = answer.headers.get_list("set-cookie")
    (morsel,) = SimpleCookie(header).values()
    return morsel


async def test_the_token_is_in_the_cookie_and_not_in_the_body(door: FrontDoor) -> None:
    body = await door.register()

    answer = await door.http.post("/sessions", json=body | {"cookie": True})

    cookie = _cookie(answer)
    assert answer.json()["token"] is None
    assert cookie.value.startswith("drs_")
    assert cookie.value not in answer.text
    answer = await door.http.get("/account", headers={"Authorization": f"Bearer {cookie.value}"})
    assert answer.json()["email"] == body["email"]


async def test_without_the_wish_for_a_cookie_none_is_set(door: FrontDoor) -> None:
    answer = await door.http.post("/sessions", json=await door.register(), headers=LOOPBACK)

    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked_for", "name", "secure"),
    [
        (None, "__Host-darkroom", True),
        ("__Host-darkroom", "__Host-darkroom", True),
        ("darkroom_8080", "darkroom_8080", False),
        ("other", "__Host-darkroom", True),
        ("darkroom_8080; Domain=evil.example", "__Host-darkroom", True),
    ],
)
async def test_the_cookie_is_hardened_under_every_name(
    door: FrontDoor, asked_for: str | None, name: str, secure: bool
) -> None:
    headers = {"X-Darkroom-Cookie": asked_for} if asked_for else {}

    answer = await door.http.post("/sessions", json=await door.register() | {"cookie": True}, headers=headers)

    cookie = _cookie(answer)
    assert cookie.key == name
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert bool(cookie["secure"]) is secure


async def test_the_cookie_is_cleared_with_its_session_and_with_no_other(door: FrontDoor) -> None:
    body = await door.register()
    other = (await door.sign_in(body))["session"]["id"]
    for route in ("/sessions/current", "/sessions/{mine}", "/sessions"):
        mine = await door.sign_in(body)
        headers = mine["headers"] | LOOPBACK
        if other:
            assert "set-cookie" not in (await door.http.delete(f"/sessions/{other}", headers=headers)).headers
            other = None

        answer = await door.http.delete(route.format(mine=mine["session"]["id"]), headers=headers)

        cookie = _cookie(answer)
        assert answer.status_code == 204
        assert (cookie.key, cookie.value, cookie["max-age"], cookie["path"]) == ("darkroom_8080", "", "0", "/")
