"""Invitations: a link admits one person, once, within seven days."""

import asyncio

from sqlalchemy import select

from app.albums.schema.tables import invitations
from app.stores.aurora import Database
from tests.albums.album_services import AlbumServices, Json, Person


async def invited(person: Person, album: str, **fields: str) -> Json:
    response = await person.http.post(f"albums/{album}/invitations", json=fields)
    assert response.status_code == 201, response.text
    assert response.headers["Cache-Control"] == "no-store"
    body: Json = response.json()
    return body


async def accept(person: Person, token: str) -> int:
    return (await person.http.post("invitations/accept", json={"token": token})).status_code


async def test_an_invitation_admits_one_person_with_its_token(album_services: AlbumServices) -> None:
    ada, bob, eve = [await album_services.person() for _ in range(3)]
    album = await ada.album()
    new = await invited(ada, album, role="contributor", label="eve@example.org")

    assert await accept(bob, new["token"]) == 200
    assert await accept(eve, new["token"]) == 404

    assert (await bob.done(bob.http.get(f"albums/{album}")))["role"] == "contributor"
    assert (await ada.done(ada.http.get(f"albums/{album}/invitations")))["invitations"] == []


async def test_of_many_concurrent_accepts_of_one_invitation_one_succeeds(album_services_on_both: AlbumServices) -> None:
    ada, *invitees = [await album_services_on_both.person() for _ in range(5)]
    album = await ada.album()
    token = (await invited(ada, album))["token"]

    codes = await asyncio.gather(*(accept(invitee, token) for invitee in invitees))

    assert sorted(codes) == [200, 404, 404, 404]
    assert len((await ada.done(ada.http.get(f"albums/{album}/members")))["members"]) == 2


async def test_accepting_again_succeeds_and_members_do_not_use_an_invitation_up(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob, cy = [await album_services_on_both.person() for _ in range(3)]
    album = await ada.album()
    first, second = (await invited(ada, album))["token"], (await invited(ada, album))["token"]

    assert await asyncio.gather(*(accept(bob, first) for _ in range(3))) == [200] * 3
    assert [await accept(each, second) for each in (ada, bob, cy)] == [200] * 3

    assert (await ada.done(ada.http.get(f"albums/{album}")))["role"] == "owner"
    raised = (await invited(ada, album, role="contributor"))["token"]
    assert await accept(bob, raised) == 200
    assert (await bob.done(bob.http.get(f"albums/{album}")))["role"] == "contributor"


async def test_a_removed_member_cannot_rejoin_by_the_old_invitation(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    album = await ada.album()
    token = (await invited(ada, album))["token"]
    assert await accept(bob, token) == 200
    await ada.done(ada.http.delete(f"albums/{album}/members/{bob.account}"))

    assert await accept(bob, token) == 404


async def test_a_revoked_or_used_invitation_admits_no_person(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    album = await ada.album()
    new = await invited(ada, album)
    route = f"albums/{album}/invitations/{new['invitation']['id']}"

    assert (await ada.http.delete(route)).status_code == 204
    assert await accept(bob, new["token"]) == 404
    assert (await ada.http.delete(route)).status_code == 404
    used = await invited(ada, album)
    assert await accept(bob, used["token"]) == 200
    assert (await ada.http.delete(f"albums/{album}/invitations/{used['invitation']['id']}")).status_code == 404
    assert await accept(bob, "dri_nonsense") == 404


async def test_open_invitations_are_listed_newest_first(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    album = await ada.album()
    new = [await invited(ada, album, label=f"{number}") for number in range(3)]

    first = await ada.done(ada.http.get(f"albums/{album}/invitations", params={"limit": 2}))
    parameters = {"limit": 2, "cursor": first["next_cursor"]}
    second = await ada.done(ada.http.get(f"albums/{album}/invitations", params=parameters))

    listed = [*first["invitations"], *second["invitations"]]
    assert listed == [each["invitation"] for each in new[::-1]]
    assert "token" not in str(listed)


async def test_a_token_is_returned_once_and_stored_as_a_hash(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    album = await ada.album()
    headers = {"Idempotency-Key": "again"}
    refused = await ada.http.post(f"albums/{album}/invitations", json={}, headers=headers)
    assert refused.status_code == 400
    new = await invited(ada, album)

    database = Database(album_services.database_url)
    async with database.writer.read() as connection:
        rows = str((await connection.execute(select(invitations))).all())
    await database.close()

    assert new["token"].startswith("dri_")
    assert new["token"] not in rows


async def test_an_invitation_cannot_grant_the_owner_role(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    album = await ada.album()

    assert (await ada.http.post(f"albums/{album}/invitations", json={"role": "owner"})).status_code == 422
