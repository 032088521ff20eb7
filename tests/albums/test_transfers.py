"""Transfers of an album: the receiver must accept, and links and invitations of the previous owner end."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.albums.schema.tables import album_transfers
from app.stores.aurora import Database
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemKind
from darkroom_shared.sharing import SHARE_HEADER
from darkroom_shared.times import utc_now
from tests.access.test_access import LADDER
from tests.albums.album_services import AlbumServices, Json, Person
from tests.albums.test_album_events import received_events


async def people(album_services: AlbumServices, count: int) -> list[Person]:
    return [await album_services.person() for _ in range(count)]


async def offer(owner: Person, album: str, receiver: Person) -> Json:
    return await owner.done(owner.http.post(f"albums/{album}/transfer", json={"account_id": receiver.account}))


async def hand_over(owner: Person, album: str, receiver: Person) -> None:
    await offer(owner, album, receiver)
    await receiver.done(receiver.http.post(f"albums/{album}/transfer/accept"))


async def accepting(receiver: Person, album: str) -> int:
    return (await receiver.http.post(f"albums/{album}/transfer/accept")).status_code


async def album_of(person: Person, album: str) -> Json:
    return await person.done(person.http.get(f"albums/{album}"))


async def allow_originals(owner: Person, album: str, allowed: bool = True) -> None:
    await owner.done(owner.http.patch(f"albums/{album}", json={"originals_allowed": allowed}))


async def share(owner: Person, album: str, **body: object) -> dict[str, str]:
    """Create a share link that allows downloads, and return the header that presents it."""
    made = await owner.done(owner.http.post(f"albums/{album}/shares", json={"download_allowed": True} | body))
    return {SHARE_HEADER: made["token"]}


async def invitation(owner: Person, album: str, role: str = "contributor") -> Json:
    made: Json = (await owner.done(owner.http.post(f"albums/{album}/invitations", json={"role": role})))["token"]
    return {"token": made}


async def gives_original(viewer: Person, album: str, item: ItemId) -> bool:
    """Return whether the member gets the original, and assert that the album's page agrees."""
    response = await viewer.http.get(f"items/{item}/original")
    page = await viewer.done(viewer.http.get(f"albums/{album}/items"))
    originals = {each["item"]["id"]: each["original"] for each in page["items"]}
    assert originals[item] == response.is_success, response.text
    return response.is_success


async def visitor_gets(album_services: AlbumServices, link: dict[str, str], item: ItemId) -> bool:
    """Return whether a visitor with the link gets the original, and assert that the link's page agrees."""
    response = await album_services.anonymous.get(f"items/{item}/original", headers=link)
    page = (await album_services.anonymous.get("shared/items", headers=link)).json()
    originals = {each["item"]["id"]: each["original"] for each in page["items"]}
    assert originals[item] == response.is_success, response.text
    return response.is_success


async def test_nothing_changes_before_the_receiver_accepts(album_services_on_both: AlbumServices) -> None:
    ada, bob = await people(album_services_on_both, 2)
    item = await ada.photo()
    album = await ada.album(item, originals_allowed=True)
    await ada.invite(album, bob)
    link, token = await share(ada, album), await invitation(ada, album)

    assert (await offer(ada, album, bob))["role"] == "owner"

    assert (await album_of(bob, album))["role"] == "viewer"
    assert (await album_of(bob, album))["owner_id"] == ada.account
    assert await visitor_gets(album_services_on_both, link, item)
    assert (await bob.http.patch(f"albums/{album}", json={"title": "Mine"})).status_code == 403
    eve = await album_services_on_both.person()
    assert (await eve.http.post("invitations/accept", json=token)).status_code == 200


async def test_a_transferred_album_has_a_new_owner_and_the_previous_one_contributes(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob = await people(album_services_on_both, 2)
    item = await ada.photo()
    album = await ada.album(item)
    await ada.invite(album, bob)
    body, key = {"account_id": bob.account}, {"Idempotency-Key": "once"}
    offered = [await ada.http.post(f"albums/{album}/transfer", json=body, headers=key) for _ in range(2)]
    assert [(each.status_code, each.json()["role"]) for each in offered] == [(200, "owner")] * 2
    assert ((await album_of(ada, album))["role"], (await album_of(bob, album))["role"]) == ("owner", "viewer")

    accepted = [await bob.http.post(f"albums/{album}/transfer/accept", headers=key) for _ in range(2)]

    assert [(each.status_code, each.json()["role"]) for each in accepted] == [(200, "owner")] * 2
    assert await accepting(bob, album) == 200, "a repetition without the Idempotency-Key"
    assert ((await album_of(ada, album))["role"], (await album_of(bob, album))["role"]) == ("contributor", "owner")
    assert (await album_of(ada, album))["owner_id"] == bob.account
    assert (await ada.http.patch(f"albums/{album}", json={"title": "Mine"})).status_code == 403
    assert await bob.visible_items(album) == [item]
    await bob.done(bob.http.delete(f"albums/{album}/members/{ada.account}"))
    assert await bob.visible_items(album) == []


async def test_only_owner_and_receiver_see_an_offer_and_only_the_receiver_accepts_it(
    album_services: AlbumServices,
) -> None:
    ada, bob, cy, eve = await people(album_services, 4)
    album = await ada.album()
    for invitee in (bob, cy):
        await ada.invite(album, invitee)
    route = f"albums/{album}/transfer"
    assert (await ada.http.get(route)).status_code == 404
    other_account = [await ada.http.post(route, json={"account_id": each.account}) for each in (eve, ada)]
    assert [each.status_code for each in other_account] == [422, 422]

    await offer(ada, album, bob)

    ada_photo, bob_photo = await ada.done(ada.http.get(route)), await bob.done(bob.http.get(route))
    assert ada_photo == bob_photo
    assert (bob_photo["from_account_id"], bob_photo["to_account_id"]) == (ada.account, bob.account)
    for other in (cy, eve):
        responses = [
            await other.http.get(route),
            await other.http.delete(route),
            await other.http.post(f"{route}/accept"),
        ]
        assert [each.status_code for each in responses] == [404] * 3
    assert await accepting(bob, album) == 200
    assert (await bob.http.get(route)).status_code == 404


@pytest.mark.parametrize("ending", ["withdrawn", "declined", "left", "expired"])
async def test_an_ended_offer_transfers_no_album(album_services_on_both: AlbumServices, ending: str) -> None:
    ada, bob = await people(album_services_on_both, 2)
    album = await ada.album()
    await ada.invite(album, bob)
    await offer(ada, album, bob)
    match ending:
        case "withdrawn":
            assert (await ada.http.delete(f"albums/{album}/transfer")).status_code == 204
        case "declined":
            assert (await bob.http.delete(f"albums/{album}/transfer")).status_code == 204
        case "left":
            await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
            await ada.invite(album, bob)
        case _:
            await expire(album_services_on_both, album)

    assert await accepting(bob, album) == 404

    assert (await album_of(bob, album))["role"] == "viewer"
    assert (await bob.http.delete(f"albums/{album}/transfer")).status_code == 404
    await hand_over(ada, album, bob)


async def expire(album_services: AlbumServices, album: str) -> None:
    database = Database(album_services.database_url)
    over = update(album_transfers).where(album_transfers.c.album_id == album)
    async with database.writer.write() as connection:
        await connection.execute(over.values(expires_at=utc_now() - timedelta(seconds=1)))
    await database.close()


async def test_an_album_is_offered_to_one_member_at_a_time(album_services_on_both: AlbumServices) -> None:
    ada, bob, cy = await people(album_services_on_both, 3)
    album = await ada.album()
    for invitee in (bob, cy):
        await ada.invite(album, invitee)

    responses = await asyncio.gather(
        *(ada.http.post(f"albums/{album}/transfer", json={"account_id": each.account}) for each in (bob, cy))
    )

    assert sorted(response.status_code for response in responses) == [200, 409]
    assert sorted([await accepting(each, album) for each in (bob, cy)]) == [200, 404]


async def test_the_previous_owners_link_is_absent_on_every_route(album_services_on_both: AlbumServices) -> None:
    ada, bob = await people(album_services_on_both, 2)
    video = await bob.photo(kind=ItemKind.VIDEO, ladder=LADDER)
    album = await ada.album(await ada.photo(1))
    await ada.invite(album, bob, "contributor")
    await bob.add(album, video)
    link, open_page = await share(ada, album), album_services_on_both.anonymous
    playlist = (await open_page.get(f"items/{video}", headers=link)).json()["playlist_url"].removeprefix("/v1/")
    routes = ["shared", "shared/items", f"items/{video}", f"items/{video}/hls/main.m3u8"]
    assert [(await open_page.get(each, headers=link)).status_code for each in routes] == [200] * 4
    assert (await open_page.get(playlist)).status_code == 200

    await hand_over(ada, album, bob)

    never = {SHARE_HEADER: f"drl_{'x' * 43}"}
    for route in (*routes, f"items/{video}/original"):
        ended, unknown = await open_page.get(route, headers=link), await open_page.get(route, headers=never)
        assert (ended.status_code, ended.json()) == (404, unknown.json()), route
    assert (await open_page.get(playlist)).status_code == 404
    assert (await bob.done(bob.http.get(f"albums/{album}/shares")))["shares"] == []


async def test_an_invitation_of_the_previous_owner_is_void(album_services_on_both: AlbumServices) -> None:
    ada, bob, cy = await people(album_services_on_both, 3)
    album = await ada.album(await ada.photo())
    await ada.invite(album, bob)
    used = await invitation(ada, album)
    await cy.done(cy.http.post("invitations/accept", json=used))
    opened = [await invitation(ada, album) for _ in range(2)]
    await hand_over(ada, album, bob)
    for each in (ada, cy):
        await bob.done(bob.http.delete(f"albums/{album}/members/{each.account}"))

    responses = [
        await each.http.post("invitations/accept", json=token) for each in (ada, cy) for token in (*opened, used)
    ]

    assert [each.status_code for each in responses] == [404] * 6
    assert (await bob.done(bob.http.get(f"albums/{album}/invitations")))["invitations"] == []
    assert (await cy.http.get(f"albums/{album}")).status_code == 404
    new = await invitation(bob, album)
    assert (await cy.http.post("invitations/accept", json=new)).status_code == 200


async def test_an_original_disallowed_at_placement_stays_closed_under_any_owner(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob, cy = await people(album_services_on_both, 3)
    item = await cy.photo()
    album = await ada.album()
    for invitee in (bob, cy):
        await ada.invite(album, invitee, "contributor")
    await cy.add(album, item)
    await allow_originals(ada, album)
    link = await share(ada, album)
    assert [await gives_original(each, album, item) for each in (ada, bob)] == [False, False]
    assert not await visitor_gets(album_services_on_both, link, item)

    await hand_over(ada, album, bob)
    await allow_originals(bob, album)
    link = await share(bob, album)

    assert [await gives_original(each, album, item) for each in (ada, bob)] == [False, False]
    assert not await visitor_gets(album_services_on_both, link, item)
    assert await gives_original(cy, album, item)


async def test_the_new_owners_originals_stay_closed_until_the_new_owner_allows_them(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob, cy = await people(album_services_on_both, 3)
    item, ada_photo = await bob.photo(), await ada.photo(1)
    album = await ada.album(ada_photo)
    for invitee in (bob, cy):
        await ada.invite(album, invitee, "contributor")
    await bob.add(album, item)
    await allow_originals(ada, album)
    assert [await gives_original(cy, album, each) for each in (item, ada_photo)] == [False, True]

    await hand_over(ada, album, bob)

    assert not (await album_of(cy, album))["originals_allowed"]
    assert [await gives_original(cy, album, each) for each in (item, ada_photo)] == [False, False]
    assert not await gives_original(ada, album, item)
    await allow_originals(bob, album)
    assert [await gives_original(cy, album, each) for each in (item, ada_photo)] == [True, False]
    await hand_over(bob, album, ada)
    assert [await gives_original(cy, album, each) for each in (item, ada_photo)] == [False, False]


async def test_a_link_returns_a_members_original_only_while_the_album_allows_it(
    album_services_on_both: AlbumServices,
) -> None:
    ada, bob, cy = await people(album_services_on_both, 3)
    item, own = await cy.photo(), await bob.photo(1)
    album = await ada.album(originals_allowed=True)
    for invitee in (bob, cy):
        await ada.invite(album, invitee, "contributor")
    await cy.add(album, item)
    await bob.add(album, own)
    link = await share(ada, album)
    assert await visitor_gets(album_services_on_both, link, item)
    await allow_originals(ada, album, allowed=False)
    assert not await visitor_gets(album_services_on_both, link, item)

    await hand_over(ada, album, bob)
    link = await share(bob, album)

    assert [await visitor_gets(album_services_on_both, link, each) for each in (item, own)] == [False, True]
    await allow_originals(bob, album)
    assert await visitor_gets(album_services_on_both, link, item)


async def test_a_transfer_is_in_the_event_logs_of_all_members(album_services: AlbumServices) -> None:
    ada, bob, cy = await people(album_services, 3)
    album = await ada.album()
    for invitee in (bob, cy):
        await ada.invite(album, invitee)
    await share(ada, album)
    await offer(ada, album, bob)
    await bob.done(bob.http.delete(f"albums/{album}/transfer"))
    await hand_over(ada, album, bob)

    logs = [await received_events(each, expected) for each, expected in ((ada, 11), (bob, 6), (cy, 2))]

    ada_photo, bob_photo, rest = [[event["type"] for event in events] for events in logs]
    assert sorted(ada_photo[-6:]) == sorted(["share.created", *["album.updated"] * 4, "share.revoked"])
    assert bob_photo == ["album.joined"] * 2 + ["album.updated"] * 4
    assert rest == ["album.joined", "album.updated"]
    last = logs[2][-1]["data"]
    assert (last["owner_id"], last["account_id"], last["member_role"]) == (bob.account, bob.account, "owner")
    offers = [event["data"]["transfer"] for event in logs[1][2:5]]
    assert [each and each["to_account_id"] for each in offers] == [bob.account, None, bob.account]
