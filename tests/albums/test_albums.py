"""Albums: create, list, edit and delete; an account without access gets the same response as for an absent album."""

from darkroom_shared.ids import new_album_id
from tests.albums.album_services import AlbumServices


async def test_one_idempotency_key_creates_one_album(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    fields, key = {"title": " Summer ", "description": "at the sea"}, {"Idempotency-Key": "one"}

    responses = [await ada.http.post("albums", json=fields, headers=key) for _ in range(2)]

    assert [response.status_code for response in responses] == [201, 201]
    assert responses[0].json() == responses[1].json()
    assert responses[0].json()["title"] == "Summer"
    assert responses[0].headers["Location"] == f"/v1/albums/{responses[0].json()['id']}"
    other = await ada.http.post("albums", json=fields | {"title": "Winter"}, headers=key)
    assert other.json()["type"] == "urn:darkroom:problem:idempotency-mismatch"
    assert len((await ada.done(ada.http.get("albums")))["albums"]) == 1


async def test_own_and_joined_albums_are_listed_page_by_page_newest_first(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    albums = [await ada.album(), await bob.album(), await ada.album()]
    await bob.album()
    await bob.invite(albums[1], ada, "contributor")

    first = await ada.http.get("albums", params={"limit": 2})
    second = await ada.done(ada.http.get("albums", params={"limit": 2, "cursor": first.json()["next_cursor"]}))

    assert int(first.headers["Darkroom-Events"]) >= 0
    listed = [*first.json()["albums"], *second["albums"]]
    assert [(each["id"], each["role"]) for each in listed] == [
        (albums[2], "owner"),
        (albums[1], "contributor"),
        (albums[0], "owner"),
    ]
    another = await bob.http.get("albums", params={"cursor": first.json()["next_cursor"]})
    assert another.status_code == 422


async def test_an_edit_of_an_outdated_version_is_refused(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    album = await ada.album()
    read = await ada.http.get(f"albums/{album}")

    edited = await ada.http.patch(
        f"albums/{album}", json={"title": "Autumn", "order": "manual"}, headers={"If-Match": read.headers["ETag"]}
    )
    late = await ada.http.patch(f"albums/{album}", json={"title": "Winter"}, headers={"If-Match": read.headers["ETag"]})

    assert (edited.status_code, late.status_code) == (200, 412)
    stored = await ada.done(ada.http.get(f"albums/{album}"))
    assert (stored["title"], stored["order"], stored["version"]) == ("Autumn", "manual", 2)
    assert (await ada.http.patch(f"albums/{album}", json={})).status_code == 422
    unchanged = await ada.http.get(f"albums/{album}", headers={"If-None-Match": edited.headers["ETag"]})
    assert unchanged.status_code == 304


async def test_another_accounts_album_equals_an_absent_one(album_services: AlbumServices) -> None:
    ada, eve = await album_services.person(), await album_services.person()
    album, item = await ada.album(), await eve.photo()
    routes: list[tuple[str, str, object]] = [
        ("GET", "", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("GET", "/items", None),
        ("POST", "/items", {"ids": [item]}),
        ("POST", "/items/remove", {"ids": [item]}),
        ("POST", "/items/move", {"ids": [item], "after": await eve.photo()}),
        ("GET", "/members", None),
        ("PATCH", f"/members/{ada.account}", {"role": "viewer"}),
        ("DELETE", f"/members/{eve.account}", None),
        ("POST", "/transfer", {"account_id": eve.account}),
        ("GET", "/transfer", None),
        ("DELETE", "/transfer", None),
        ("POST", "/transfer/accept", None),
        ("GET", "/invitations", None),
        ("POST", "/invitations", {"role": "viewer"}),
        ("DELETE", "/invitations/inv_01J00000000000000000000000", None),
    ]
    for method, route, body in routes:
        another, absent = [
            await eve.http.request(method, f"albums/{each}{route}", json=body) for each in (album, new_album_id())
        ]
        assert (another.status_code, another.json()) == (404, absent.json()), (method, route)
        assert absent.status_code == 404


async def test_members_who_are_not_the_owner_may_not_edit_or_delete(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    album = await ada.album()
    await ada.invite(album, bob, "contributor")

    responses = [
        await bob.http.patch(f"albums/{album}", json={"title": "Mine"}),
        await bob.http.delete(f"albums/{album}"),
        await bob.http.post(f"albums/{album}/invitations", json={}),
        await bob.http.get(f"albums/{album}/invitations"),
        await bob.http.post(f"albums/{album}/transfer", json={"account_id": bob.account}),
    ]

    assert [response.status_code for response in responses] == [403] * 5


async def test_a_deleted_album_disappears_for_all_members_and_its_items_stay(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    item = await ada.photo()
    album = await ada.album(item)
    await ada.invite(album, bob)
    assert await bob.sees(item)

    stale = await ada.http.delete(f"albums/{album}", headers={"If-Match": '"7"'})
    deleted = await ada.http.delete(f"albums/{album}")

    assert (stale.status_code, deleted.status_code) == (412, 204)
    assert (await bob.http.get(f"albums/{album}")).status_code == 404
    assert (await ada.http.delete(f"albums/{album}")).status_code == 404
    assert (await bob.sees(item), await ada.sees(item)) == (False, True)


async def test_the_cover_is_an_item_of_the_album_while_it_has_items(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    first, second, elsewhere = await ada.photos(3)
    album = await ada.album(second, first)
    await ada.invite(album, bob)

    async def cover() -> object:
        return (await ada.done(ada.http.get(f"albums/{album}")))["cover_item_id"]

    assert await cover() == first
    assert (await ada.http.patch(f"albums/{album}", json={"cover_item_id": elsewhere})).status_code == 422
    await ada.done(ada.http.patch(f"albums/{album}", json={"cover_item_id": second}))
    listed = await bob.done(bob.http.get("albums"))
    assert (listed["albums"][0]["cover_item_id"], listed["covers"][0]["id"]) == (second, second)
    assert listed["covers"][0]["renditions"][0]["url"]
    await ada.remove(album, second)
    assert await cover() == first
    await ada.remove(album, first)
    assert await cover() is None
