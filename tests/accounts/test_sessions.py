"""Sessions live as long as they are used, and end at once when somebody says so."""

import asyncio
from datetime import timedelta

import pytest

from app.accounts.sessions import LIFETIME
from app.accounts.store import MOST_SESSIONS
from app.accounts.values import SessionRow
from shared.ids import new_session_id
from shared.problems import Unauthenticated
from tests.accounts.front_door import FrontDoor, Json, open_front_door


async def _is_alive(door: FrontDoor, signed_in: Json) -> bool:
    answer = await door.http.get("/account", headers=signed_in["headers"])
    assert answer.status_code in (200, 401)
    alive: bool = answer.status_code == 200
    assert await door.sessions.is_session_alive(signed_in["session"]["id"]) == alive
    return alive


async def test_sessions_are_listed_newest_first_with_their_labels(door: FrontDoor) -> None:
    body = await door.register()
    first = await door.sign_in(body | {"label": "Ada's phone \N{CAMERA}"})
    door.clock.advance(seconds=1)
    await asyncio.sleep(0.002)  # ids sort by their millisecond
    second = await door.sign_in(body)
    await door.register_and_sign_in()

    answer = await door.http.get("/sessions", headers=first["headers"])

    listed = answer.json()["sessions"]
    assert [each["id"] for each in listed] == [second["session"]["id"], first["session"]["id"]]
    assert [each["label"] for each in listed] == ["", "Ada's phone \N{CAMERA}"]
    assert [each["current"] for each in listed] == [False, True]


async def test_signing_out_ends_this_session_alone(door: FrontDoor) -> None:
    body = await door.register()
    here, there = await door.sign_in(body), await door.sign_in(body)

    assert (await door.http.delete("/sessions/current", headers=here["headers"])).status_code == 204

    assert not await _is_alive(door, here)
    assert await _is_alive(door, there)


async def test_a_lost_phones_session_is_ended_from_elsewhere_and_in_every_process(
    door: FrontDoor, database_url: str, valkey_url: str
) -> None:
    body = await door.register()
    here, phone = await door.sign_in(body), await door.sign_in(body)
    async with open_front_door(database_url, valkey_url) as other:
        assert await _is_alive(other, phone)
        route = f"/sessions/{phone['session']['id']}"
        assert (await door.http.delete(route, headers=here["headers"])).status_code == 204
        assert not await _is_alive(other, phone)

    assert await _is_alive(door, here)


async def test_signing_out_everywhere_ends_all_sessions_of_this_account_only(door: FrontDoor) -> None:
    body = await door.register()
    here, there, somebody = await door.sign_in(body), await door.sign_in(body), await door.register_and_sign_in()

    assert (await door.http.delete("/sessions", headers=here["headers"])).status_code == 204

    assert [await _is_alive(door, each) for each in (here, there, somebody)] == [False, False, True]


async def test_a_foreign_session_looks_like_an_absent_one(door: FrontDoor) -> None:
    mine, foreign = await door.register_and_sign_in(), await door.register_and_sign_in()

    answers = [
        await door.http.delete(f"/sessions/{session}", headers=mine["headers"])
        for session in (foreign["session"]["id"], new_session_id())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert await _is_alive(door, foreign)


async def test_a_session_that_was_presented_at_sign_in_is_replaced(door: FrontDoor) -> None:
    body = await door.register()
    old = await door.sign_in(body)

    wrong = await door.http.post("/sessions", json=body | {"password": "wrong"}, headers=old["headers"])
    assert wrong.status_code == 401
    assert await _is_alive(door, old)

    answer = await door.http.post("/sessions", json=body, headers=old["headers"])
    assert answer.status_code == 201
    assert not await _is_alive(door, old)


async def test_a_session_that_is_used_lives_on_and_one_that_is_not_ends(door: FrontDoor) -> None:
    body = await door.register()
    used, unused = await door.sign_in(body), await door.sign_in(body)

    for _ in range(3):
        door.clock.advance(days=LIFETIME.days - 2)
        assert await _is_alive(door, used)

    assert not await _is_alive(door, unused)


async def test_a_session_ends_at_its_very_moment(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()

    door.clock.advance(seconds=LIFETIME.total_seconds())

    assert not await _is_alive(door, signed_in)


async def test_use_moves_the_end_of_a_session_at_most_once_a_day(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()
    begun = door.clock.now

    async def ends_at() -> timedelta:
        await _is_alive(door, signed_in)
        (row,) = await door.store.list_sessions(signed_in["account"]["id"], door.clock.now)
        return row.expires_at - begun

    door.clock.advance(hours=23)
    assert await ends_at() == LIFETIME
    door.clock.advance(hours=2)
    assert await ends_at() == LIFETIME + timedelta(hours=25)


async def test_one_session_more_than_an_account_may_have_ends_the_oldest(door: FrontDoor) -> None:
    body = await door.register()
    oldest = await door.sign_in(body)
    await asyncio.sleep(0.002)  # ids sort by their millisecond
    second = await door.sign_in(body)
    for _ in range(MOST_SESSIONS - 2):
        await _add_session(door, body["email"])
    newest = await door.sign_in(body)

    assert [await _is_alive(door, each) for each in (oldest, second, newest)] == [False, True, True]
    assert len((await door.http.get("/sessions", headers=newest["headers"])).json()["sessions"]) == MOST_SESSIONS


async def test_no_route_opens_without_a_living_session(anonymous: FrontDoor) -> None:
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
            answer = await anonymous.http.request(method, route, headers=headers)
            assert answer.status_code == 401, (method, route, presented)
            assert answer.json()["type"] == "urn:darkroom:problem:unauthenticated"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def _add_session(door: FrontDoor, email: str) -> None:
    """As sign-in does once it has checked the password, which takes longest."""
    known, now = await door.store.get_credentials(email), door.clock()
    assert known is not None
    session = SessionRow(new_session_id(), known.account.id, "", now, now + LIFETIME)
    await door.sessions.add(session, session.id, known.password_hash, None)


async def test_a_password_that_changed_since_it_was_checked_starts_no_session(door: FrontDoor) -> None:
    body = await door.register()
    checked = await door.store.get_credentials(body["email"])
    assert checked is not None
    await door.accounts.reset_password(body["email"], "another password")
    now = door.clock()

    session = SessionRow(new_session_id(), checked.account.id, "", now, now + LIFETIME)
    with pytest.raises(Unauthenticated):
        await door.sessions.add(session, "hash", checked.password_hash, None)

    assert await door.store.list_sessions(checked.account.id, now) == []


async def test_two_extensions_at_once_disturb_nobody(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()
    door.clock.advance(days=3)

    assert all(await asyncio.gather(*(_is_alive(door, signed_in) for _ in range(10))))


async def test_no_process_accepts_a_session_once_ending_it_was_answered(
    door: FrontDoor, database_url: str, valkey_url: str
) -> None:
    body = await door.register()
    async with open_front_door(database_url, valkey_url) as other:

        async def accepted(signed_in: Json) -> list[bool]:
            return [await _is_alive(each, signed_in) for each in (door, other)]

        first, second = await door.sign_in(body), await other.sign_in(body)
        assert [await accepted(each) for each in (first, second)] == [[True, True]] * 2
        await door.http.delete(f"/sessions/{second['session']['id']}", headers=first["headers"])
        assert await accepted(second) == [False, False]

        third = await other.sign_in(body)
        assert await accepted(third) == [True, True]
        await other.accounts.reset_password(body["email"], "another password")
        assert [await accepted(each) for each in (first, third)] == [[False, False]] * 2


async def test_a_cached_session_lapses_when_its_time_is_over(door: FrontDoor) -> None:
    signed_in = await door.register_and_sign_in()
    assert await _is_alive(door, signed_in)

    door.clock.now += LIFETIME

    assert not await _is_alive(door, signed_in)
