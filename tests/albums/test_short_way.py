"""The album itself by the short way: the same answers as by FastAPI's, for whoever asks."""

import httpx
import pytest

from app.albums.service import AlbumService
from shared.ids import new_album_id
from tests.albums.family import Family, Person

LONG_WAY = {"Darkroom-Share": "none of ours"}
"""What makes a request go the usual way, whoever is signed in."""


async def by_both(person: Person, path: str, **headers: str) -> list[tuple[int, bytes, dict[str, str]]]:
    answers = [await person.http.get(path, headers=headers | way) for way in ({}, LONG_WAY)]
    return [(answer.status_code, answer.content, shown_headers(answer)) for answer in answers]


def shown_headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_both_ways_answer_the_same(family: Family) -> None:
    ada, bob, eve = [await family.person() for _ in range(3)]
    album = await ada.album(title="Été 🌞")
    await ada.invite(album, bob)
    tag = (await bob.http.get(f"albums/{album}")).headers["ETag"]

    for person, path, headers, status in (
        (ada, album, {}, 200),
        (bob, album, {}, 200),
        (bob, album, {"If-None-Match": f'"x", {tag}'}, 304),
        (ada, album, {"If-None-Match": tag}, 200),
        (eve, album, {}, 404),
        (ada, new_album_id(), {}, 404),
        (ada, album, {"Authorization": "Bearer drs_nonsense"}, 401),
    ):
        short, long = await by_both(person, f"albums/{path}", **headers)
        assert short == long, (path, headers)
        assert short[0] == status


@pytest.mark.parametrize("authorization", ["", "Bearer", "bearer drs_x", "Basic YTpi", "Bearer \xe9"])
async def test_nobody_gets_in_by_the_short_way_without_a_session(family: Family, authorization: str) -> None:
    ada = await family.person()
    album = await ada.album()
    headers = {b"Authorization": authorization.encode("latin-1")}

    answer = await family.nobody.get(f"albums/{album}", headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:darkroom:problem:unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("way", [{}, LONG_WAY])
async def test_a_fault_of_ours_is_an_internal_problem_by_both_ways(
    family: Family, monkeypatch: pytest.MonkeyPatch, way: dict[str, str]
) -> None:
    ada = await family.person()
    album = await ada.album()

    async def crash(*_: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(AlbumService, "require", crash)
    answer = await ada.http.get(f"albums/{album}", headers=way)

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:darkroom:problem:internal")
    assert answer.headers["X-Request-Id"]
    assert "canary" not in answer.text


async def test_the_short_way_shows_every_change_at_once(family: Family) -> None:
    ada = await family.person()
    album = await ada.album()

    for title in ("Autumn", "Winter", "Spring"):
        await ada.done(ada.http.patch(f"albums/{album}", json={"title": title}))
        assert (await ada.done(ada.http.get(f"albums/{album}")))["title"] == title
    await ada.done(ada.http.delete("sessions/current"))

    assert (await ada.http.get(f"albums/{album}")).status_code == 401
