"""The fast path of an album returns the same responses as FastAPI's route, for every caller."""

import httpx
import pytest

from app.albums.service.albums import AlbumService
from darkroom_shared.ids import new_album_id
from tests.albums.album_services import AlbumServices, Person

FULL_ROUTE = {"Darkroom-Share": "no share token"}
"""A header that sends a request to FastAPI's route whichever account is signed in."""


async def by_both(person: Person, path: str, **headers: str) -> list[tuple[int, bytes, dict[str, str]]]:
    responses = [await person.http.get(path, headers=headers | extra) for extra in ({}, FULL_ROUTE)]
    return [(response.status_code, response.content, comparable_headers(response)) for response in responses]


def comparable_headers(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "x-request-id"}


async def test_both_paths_return_the_same_response(album_services: AlbumServices) -> None:
    ada, bob, eve = [await album_services.person() for _ in range(3)]
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
async def test_the_fast_path_refuses_requests_without_a_session(
    album_services: AlbumServices, authorization: str
) -> None:
    ada = await album_services.person()
    album = await ada.album()
    headers = {b"Authorization": authorization.encode("latin-1")}

    response = await album_services.anonymous.get(f"albums/{album}", headers=headers)

    assert (response.status_code, response.json()["type"]) == (401, "urn:darkroom:problem:unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("extra", [{}, FULL_ROUTE])
async def test_an_internal_error_is_an_internal_problem_on_both_paths(
    album_services: AlbumServices, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    ada = await album_services.person()
    album = await ada.album()

    async def crash(*_: object) -> None:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr(AlbumService, "require", crash)
    response = await ada.http.get(f"albums/{album}", headers=extra)

    assert (response.status_code, response.json()["type"]) == (500, "urn:darkroom:problem:internal")
    assert response.headers["X-Request-Id"]
    assert "canary" not in response.text


async def test_the_fast_path_returns_every_change_immediately(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    album = await ada.album()

    for title in ("Autumn", "Winter", "Spring"):
        await ada.done(ada.http.patch(f"albums/{album}", json={"title": title}))
        assert (await ada.done(ada.http.get(f"albums/{album}")))["title"] == title
    await ada.done(ada.http.delete("sessions/current"))

    assert (await ada.http.get(f"albums/{album}")).status_code == 401
