"""Sessions expire when they are not used, and end immediately when they are deleted."""

import asyncio
from datetime import timedelta

import pytest

from app.accounts.schema.values import SessionRow
from app.accounts.service.sessions import LIFETIME
from app.accounts.store.accounts import MAX_SESSIONS
from darkroom_shared.ids import new_session_id
from darkroom_shared.problems import Unauthenticated
from tests.accounts.accounts_api import AccountsApi, Json, open_accounts_api


async def _is_alive(accounts_api: AccountsApi, signed_in: Json) -> bool:
    response = await accounts_api.http.get("/account", headers=signed_in["headers"])
    assert response.status_code in (200, 401)
    alive: bool = response.status_code == 200
    assert await accounts_api.sessions.is_session_alive(signed_in["session"]["id"]) == alive
    return alive


async def test_sessions_are_listed_newest_first_with_their_labels(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    first = await accounts_api.sign_in(body | {"label": "Ada's phone \N{CAMERA}"})
    accounts_api.clock.advance(seconds=1)
    await asyncio.sleep(0.002)  # ids sort by their millisecond
    second = await accounts_api.sign_in(body)
    await accounts_api.register_and_sign_in()

    response = await accounts_api.http.get("/sessions", headers=first["headers"])

    listed = response.json()["sessions"]
    assert [each["id"] for each in listed] == [second["session"]["id"], first["session"]["id"]]
    assert [each["label"] for each in listed] == ["", "Ada's phone \N{CAMERA}"]
    assert [each["current"] for each in listed] == [False, True]


async def test_signing_out_ends_this_session_alone(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    here, there = await accounts_api.sign_in(body), await accounts_api.sign_in(body)

    assert (await accounts_api.http.delete("/sessions/current", headers=here["headers"])).status_code == 204

    assert not await _is_alive(accounts_api, here)
    assert await _is_alive(accounts_api, there)


async def test_a_session_can_be_ended_from_another_device_in_every_process(
    accounts_api: AccountsApi, database_url: str, valkey_url: str
) -> None:
    body = await accounts_api.register()
    here, phone = await accounts_api.sign_in(body), await accounts_api.sign_in(body)
    async with open_accounts_api(database_url, valkey_url) as other:
        assert await _is_alive(other, phone)
        route = f"/sessions/{phone['session']['id']}"
        assert (await accounts_api.http.delete(route, headers=here["headers"])).status_code == 204
        assert not await _is_alive(other, phone)

    assert await _is_alive(accounts_api, here)


async def test_signing_out_everywhere_ends_all_sessions_of_this_account_only(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    here, there, user = (
        await accounts_api.sign_in(body),
        await accounts_api.sign_in(body),
        await accounts_api.register_and_sign_in(),
    )

    assert (await accounts_api.http.delete("/sessions", headers=here["headers"])).status_code == 204

    assert [await _is_alive(accounts_api, each) for each in (here, there, user)] == [False, False, True]


async def test_another_accounts_session_equals_an_absent_one(accounts_api: AccountsApi) -> None:
    mine, another = await accounts_api.register_and_sign_in(), await accounts_api.register_and_sign_in()

    responses = [
        await accounts_api.http.delete(f"/sessions/{session}", headers=mine["headers"])
        for session in (another["session"]["id"], new_session_id())
    ]

    assert [response.status_code for response in responses] == [404, 404]
    assert responses[0].content == responses[1].content
    assert await _is_alive(accounts_api, another)


async def test_a_session_presented_at_sign_in_is_replaced(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    old = await accounts_api.sign_in(body)

    wrong = await accounts_api.http.post("/sessions", json=body | {"password": "wrong"}, headers=old["headers"])
    assert wrong.status_code == 401
    assert await _is_alive(accounts_api, old)

    response = await accounts_api.http.post("/sessions", json=body, headers=old["headers"])
    assert response.status_code == 201
    assert not await _is_alive(accounts_api, old)


async def test_a_used_session_is_extended_and_an_unused_one_expires(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    used, unused = await accounts_api.sign_in(body), await accounts_api.sign_in(body)

    for _ in range(3):
        accounts_api.clock.advance(days=LIFETIME.days - 2)
        assert await _is_alive(accounts_api, used)

    assert not await _is_alive(accounts_api, unused)


async def test_a_session_ends_exactly_at_its_expiry(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()

    accounts_api.clock.advance(seconds=LIFETIME.total_seconds())

    assert not await _is_alive(accounts_api, signed_in)


async def test_use_extends_a_session_no_more_than_once_a_day(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()
    begun = accounts_api.clock.now

    async def ends_at() -> timedelta:
        await _is_alive(accounts_api, signed_in)
        (row,) = await accounts_api.store.list_sessions(signed_in["account"]["id"], accounts_api.clock.now)
        return row.expires_at - begun

    accounts_api.clock.advance(hours=23)
    assert await ends_at() == LIFETIME
    accounts_api.clock.advance(hours=2)
    assert await ends_at() == LIFETIME + timedelta(hours=25)


async def test_a_session_beyond_the_maximum_ends_the_oldest(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    oldest = await accounts_api.sign_in(body)
    await asyncio.sleep(0.002)  # ids sort by their millisecond
    second = await accounts_api.sign_in(body)
    for _ in range(MAX_SESSIONS - 2):
        await _add_session(accounts_api, body["email"])
    newest = await accounts_api.sign_in(body)

    assert [await _is_alive(accounts_api, each) for each in (oldest, second, newest)] == [False, True, True]
    assert len((await accounts_api.http.get("/sessions", headers=newest["headers"])).json()["sessions"]) == MAX_SESSIONS


async def test_every_route_refuses_requests_without_a_valid_session(anonymous: AccountsApi) -> None:
    routes = [
        ("GET", "/account"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("DELETE", "/sessions/current"),
        ("DELETE", f"/sessions/{new_session_id()}"),
    ]
    for method, route in routes:
        for presented in ("", "Bearer", "Bearer ", "Bearer drs_x", "Basic YTpi", "Bearer " + "x" * 5000, "Bearer \xe9"):
            headers = {b"Authorization": presented.encode("latin-1")}
            response = await anonymous.http.request(method, route, headers=headers)
            assert response.status_code == 401, (method, route, presented)
            assert response.json()["type"] == "urn:darkroom:problem:unauthenticated"
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def _add_session(accounts_api: AccountsApi, email: str) -> None:
    """Add a session as sign-in does, without the slow password check."""
    known, now = await accounts_api.store.get_credentials(email), accounts_api.clock()
    assert known is not None
    session = SessionRow(new_session_id(), known.account.id, "", now, now + LIFETIME)
    await accounts_api.sessions.add(session, session.id, known.password_hash, None)


async def test_no_session_starts_if_the_password_changed_after_its_check(accounts_api: AccountsApi) -> None:
    body = await accounts_api.register()
    checked = await accounts_api.store.get_credentials(body["email"])
    assert checked is not None
    await accounts_api.operator.reset_password(body["email"], "another password")
    now = accounts_api.clock()

    session = SessionRow(new_session_id(), checked.account.id, "", now, now + LIFETIME)
    with pytest.raises(Unauthenticated):
        await accounts_api.sessions.add(session, "hash", checked.password_hash, None)

    assert await accounts_api.store.list_sessions(checked.account.id, now) == []


async def test_two_concurrent_extensions_both_succeed(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()
    accounts_api.clock.advance(days=3)

    assert all(await asyncio.gather(*(_is_alive(accounts_api, signed_in) for _ in range(10))))


async def test_no_process_accepts_a_session_after_its_end_is_acknowledged(
    accounts_api: AccountsApi, database_url: str, valkey_url: str
) -> None:
    body = await accounts_api.register()
    async with open_accounts_api(database_url, valkey_url) as other:

        async def accepted(signed_in: Json) -> list[bool]:
            return [await _is_alive(each, signed_in) for each in (accounts_api, other)]

        first, second = await accounts_api.sign_in(body), await other.sign_in(body)
        assert [await accepted(each) for each in (first, second)] == [[True, True]] * 2
        await accounts_api.http.delete(f"/sessions/{second['session']['id']}", headers=first["headers"])
        assert await accepted(second) == [False, False]

        third = await other.sign_in(body)
        assert await accepted(third) == [True, True]
        await other.operator.reset_password(body["email"], "another password")
        assert [await accepted(each) for each in (first, third)] == [[False, False]] * 2


async def test_a_cached_session_ends_at_its_expiry(accounts_api: AccountsApi) -> None:
    signed_in = await accounts_api.register_and_sign_in()
    assert await _is_alive(accounts_api, signed_in)

    accounts_api.clock.now += LIFETIME

    assert not await _is_alive(accounts_api, signed_in)
