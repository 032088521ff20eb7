"""Members: who they are, what they may do, leaving, and being sent away."""

from tests.albums.family import Family, Json, Person


async def members(person: Person, album: str) -> dict[str, Json]:
    page = await person.done(person.http.get(f"albums/{album}/members"))
    return {each["account_id"]: each for each in page["members"]}


async def test_members_are_known_by_name_and_never_by_address(family: Family) -> None:
    ada, bob = await family.person(), await family.person()
    album = await ada.album()
    await ada.invite(album, bob)
    address = (await ada.done(ada.http.get("account")))["email"]

    await bob.done(bob.http.patch("account", json={"name": " Bob  B. "}))

    known = await members(bob, album)
    assert (known[ada.account]["name"], known[ada.account]["role"]) == (address.partition("@")[0], "owner")
    assert (known[bob.account]["name"], known[bob.account]["role"]) == ("Bob  B.", "viewer")
    assert "@" not in str(known)


async def test_members_are_listed_page_by_page(family_on_both: Family) -> None:
    ada, bob = await family_on_both.person(), await family_on_both.person()
    album = await ada.album()
    await ada.invite(album, bob)

    first = await ada.done(ada.http.get(f"albums/{album}/members", params={"limit": 1}))
    parameters = {"limit": 1, "cursor": first["next_cursor"]}
    second = await ada.done(ada.http.get(f"albums/{album}/members", params=parameters))

    assert {first["members"][0]["account_id"], second["members"][0]["account_id"]} == {ada.account, bob.account}
    assert second["next_cursor"] is None


async def test_a_new_role_counts_at_once(family_on_both: Family) -> None:
    ada, bob = await family_on_both.person(), await family_on_both.person()
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


async def test_whoever_is_sent_away_sees_nothing_from_then_on(family_on_both: Family) -> None:
    ada, bob = await family_on_both.person(), await family_on_both.person()
    item = await ada.photo()
    album = await ada.album(item)
    await ada.invite(album, bob)
    assert (await bob.shown(album), await bob.sees(item)) == ([item], True)

    await ada.done(ada.http.delete(f"albums/{album}/members/{bob.account}"))

    assert not await bob.sees(item)
    for route in ("", "/items", "/members"):
        assert (await bob.http.get(f"albums/{album}{route}")).status_code == 404
    assert (await bob.done(bob.http.get("albums")))["albums"] == []
    assert (await ada.http.delete(f"albums/{album}/members/{bob.account}")).status_code == 404


async def test_whoever_leaves_takes_along_what_they_put_there_even_if_they_come_back(family_on_both: Family) -> None:
    ada, bob = await family_on_both.person(), await family_on_both.person()
    hers, his = await ada.photo(1), [await bob.photo(hour) for hour in (2, 3)]
    album = await ada.album(hers)
    await ada.invite(album, bob, "contributor")
    await bob.add(album, *his)
    assert await ada.sees(his[0])

    await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
    assert (await ada.shown(album), await ada.sees(his[0])) == ([hers], False)
    await ada.invite(album, bob, "contributor")

    assert (await ada.shown(album), await ada.sees(his[0])) == ([hers], False)
    assert (await ada.done(ada.http.get(f"albums/{album}")))["item_count"] == 1
    await bob.add(album, his[0])
    assert await ada.shown(album) == [hers, his[0]]
    assert (await ada.sees(his[0]), await ada.sees(his[1])) == (True, False)


async def test_the_owner_cannot_leave_and_nobody_else_sends_away(family: Family) -> None:
    ada, bob, cy = [await family.person() for _ in range(3)]
    album = await ada.album()
    for guest in (bob, cy):
        await ada.invite(album, guest, "contributor")

    assert (await ada.http.delete(f"albums/{album}/members/{ada.account}")).status_code == 409
    assert (await bob.http.delete(f"albums/{album}/members/{cy.account}")).status_code == 403
    assert (await bob.http.delete(f"albums/{album}/members/{ada.account}")).status_code == 403
    assert len(await members(ada, album)) == 3
