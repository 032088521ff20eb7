"""Members: their names, roles and rights, leaving, and removal."""

from tests.albums.album_services import AlbumServices, Json, Person


async def members(person: Person, album: str) -> dict[str, Json]:
    page = await person.done(person.http.get(f"albums/{album}/members"))
    return {each["account_id"]: each for each in page["members"]}


async def test_members_are_known_by_name_and_never_by_address(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    album = await ada.album()
    await ada.invite(album, bob)
    address = (await ada.done(ada.http.get("account")))["email"]

    await bob.done(bob.http.patch("account", json={"name": " Bob  B. "}))

    known = await members(bob, album)
    assert (known[ada.account]["name"], known[ada.account]["role"]) == (address.partition("@")[0], "owner")
    assert (known[bob.account]["name"], known[bob.account]["role"]) == ("Bob  B.", "viewer")
    assert "@" not in str(known)


async def test_members_are_listed_page_by_page(album_services_on_both: AlbumServices) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    album = await ada.album()
    await ada.invite(album, bob)

    first = await ada.done(ada.http.get(f"albums/{album}/members", params={"limit": 1}))
    parameters = {"limit": 1, "cursor": first["next_cursor"]}
    second = await ada.done(ada.http.get(f"albums/{album}/members", params=parameters))

    assert {first["members"][0]["account_id"], second["members"][0]["account_id"]} == {ada.account, bob.account}
    assert second["next_cursor"] is None


async def test_a_new_role_takes_effect_immediately(album_services_on_both: AlbumServices) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    album, item = await ada.album(), await bob.photo()
    await ada.invite(album, bob)
    assert (await bob.http.post(f"albums/{album}/items", json={"ids": [item]})).status_code == 403

    role = f"albums/{album}/members/{bob.account}"
    assert (await ada.done(ada.http.patch(role, json={"role": "contributor"})))["role"] == "contributor"

    assert (await bob.add(album, item))["added"] == [item]
    assert (await bob.done(bob.http.get(f"albums/{album}")))["role"] == "contributor"
    assert (await ada.http.patch(role, json={"role": "owner"})).status_code == 422
    own = await ada.http.patch(f"albums/{album}/members/{ada.account}", json={"role": "viewer"})
    assert own.status_code == 409
    assert (await bob.http.patch(role, json={"role": "viewer"})).status_code == 403


async def test_a_removed_member_has_no_access(album_services_on_both: AlbumServices) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    item = await ada.photo()
    album = await ada.album(item)
    await ada.invite(album, bob)
    assert (await bob.visible_items(album), await bob.sees(item)) == ([item], True)

    await ada.done(ada.http.delete(f"albums/{album}/members/{bob.account}"))

    assert not await bob.sees(item)
    for route in ("", "/items", "/members"):
        assert (await bob.http.get(f"albums/{album}{route}")).status_code == 404
    assert (await bob.done(bob.http.get("albums")))["albums"] == []
    assert (await ada.http.delete(f"albums/{album}/members/{bob.account}")).status_code == 404


async def test_leaving_removes_own_placements_even_after_a_return(album_services_on_both: AlbumServices) -> None:
    ada, bob = await album_services_on_both.person(), await album_services_on_both.person()
    ada_photo, bob_photo = await ada.photo(1), [await bob.photo(hour) for hour in (2, 3)]
    album = await ada.album(ada_photo)
    await ada.invite(album, bob, "contributor")
    await bob.add(album, *bob_photo)
    assert await ada.sees(bob_photo[0])

    await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
    assert (await ada.visible_items(album), await ada.sees(bob_photo[0])) == ([ada_photo], False)
    await ada.invite(album, bob, "contributor")

    assert (await ada.visible_items(album), await ada.sees(bob_photo[0])) == ([ada_photo], False)
    assert (await ada.done(ada.http.get(f"albums/{album}")))["item_count"] == 1
    await bob.add(album, bob_photo[0])
    assert await ada.visible_items(album) == [ada_photo, bob_photo[0]]
    assert (await ada.sees(bob_photo[0]), await ada.sees(bob_photo[1])) == (True, False)


async def test_the_owner_cannot_leave_and_only_the_owner_removes_members(album_services: AlbumServices) -> None:
    ada, bob, cy = [await album_services.person() for _ in range(3)]
    album = await ada.album()
    for invitee in (bob, cy):
        await ada.invite(album, invitee, "contributor")

    assert (await ada.http.delete(f"albums/{album}/members/{ada.account}")).status_code == 409
    assert (await bob.http.delete(f"albums/{album}/members/{cy.account}")).status_code == 403
    assert (await bob.http.delete(f"albums/{album}/members/{ada.account}")).status_code == 403
    assert len(await members(ada, album)) == 3
