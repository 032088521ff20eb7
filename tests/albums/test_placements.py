"""Placements: items are added and removed in bulk, and listed in the album's order, page by page."""

import asyncio
from datetime import UTC, datetime

from darkroom_shared.ids import ItemId, new_item_id
from darkroom_shared.items import ItemState
from tests.albums.album_services import AlbumServices, Person


async def count(person: Person, album: str) -> int:
    visible: int = (await person.done(person.http.get(f"albums/{album}")))["item_count"]
    return visible


async def test_items_are_listed_in_capture_order_page_by_page(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos(7)
    album = await ada.album(*photos[::-1])

    assert await ada.visible_items(album, limit=3) == photos
    assert await ada.visible_items(album, limit=7) == photos
    assert await count(ada, album) == 7


async def test_items_of_any_capture_time_are_listed_in_both_orders(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    photos = [await ada.photo(captured_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (1, 1826, 2200, 9999)]
    album = await ada.album(*photos[::-1])
    assert await ada.visible_items(album) == photos

    await ada.done(ada.http.patch(f"albums/{album}", json={"order": "manual"}))
    await ada.done(ada.http.post(f"albums/{album}/items/move", json={"ids": [photos[0]], "after": photos[-1]}))

    assert await ada.visible_items(album) == [*photos[1:], photos[0]]


async def test_adding_again_changes_nothing_and_returns_the_same(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    photos, another = await ada.photos(2), await bob.photo()
    album = await ada.album()

    responses = [await ada.add(album, *photos, another, photos[0]) for _ in range(2)]

    assert responses == [{"added": photos, "absent": [another]}] * 2
    assert await count(ada, album) == 2


async def test_items_added_by_concurrent_requests_count_once(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos(20)
    album = await ada.album()

    await asyncio.gather(*(ada.add(album, *photos[start:]) for start in (0, 5, 10, 0)))

    assert await count(ada, album) == 20
    assert await ada.visible_items(album) == photos


async def test_a_request_with_one_idempotency_key_is_executed_once(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    photo = await ada.photo()
    album, key = await ada.album(), {"Idempotency-Key": "add"}

    async def add() -> int:
        response = await ada.http.post(f"albums/{album}/items", json={"ids": [photo]}, headers=key)
        return response.status_code

    assert await asyncio.gather(*(add() for _ in range(4))) == [200] * 4
    await ada.remove(album, photo)

    assert await add() == 200
    assert await ada.visible_items(album) == []


async def test_contributors_change_own_items_the_owner_removes_any_and_viewers_none(
    album_services: AlbumServices,
) -> None:
    ada, bob, cy = await album_services.person(), await album_services.person(), await album_services.person()
    ada_photo, bob_photo, more = await ada.photo(1), await bob.photo(2), await bob.photo(3)
    album = await ada.album(ada_photo)
    await ada.invite(album, bob, "contributor")
    await ada.invite(album, cy)

    assert await bob.add(album, bob_photo, more, ada_photo) == {"added": [bob_photo, more], "absent": [ada_photo]}
    assert await bob.remove(album, ada_photo, bob_photo) == {"removed": [bob_photo], "absent": [ada_photo]}
    assert await ada.remove(album, more) == {"removed": [more], "absent": []}
    for route in ("items", "items/remove"):
        assert (await cy.http.post(f"albums/{album}/{route}", json={"ids": [ada_photo]})).status_code == 403
    assert await cy.visible_items(album) == [ada_photo]


async def test_a_manual_order_stays_and_new_items_come_last(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    a, b, c, d = await ada.photos(4)
    album = await ada.album(c, b, a, order="manual")

    async def move(*items: ItemId, **where: ItemId) -> None:
        await ada.done(ada.http.post(f"albums/{album}/items/move", json={"ids": items} | where))

    assert await ada.visible_items(album) == [c, b, a]
    await move(a, b, before=c)
    assert await ada.visible_items(album, limit=1) == [a, b, c]
    await move(a, after=b)
    assert await ada.visible_items(album) == [b, a, c]
    await ada.add(album, d)
    await move(b, after=c)
    assert await ada.visible_items(album) == [a, c, b, d]
    wrong = await ada.http.post(f"albums/{album}/items/move", json={"ids": [a], "after": new_item_id()})
    assert wrong.status_code == 422
    both = await ada.http.post(f"albums/{album}/items/move", json={"ids": [a], "after": b, "before": c})
    assert both.status_code == 422


async def test_a_manual_order_begins_with_the_capture_order(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    photos = await ada.photos(3)
    album = await ada.album(*photos[::-1])

    await ada.done(ada.http.patch(f"albums/{album}", json={"order": "manual"}))

    assert await ada.visible_items(album) == photos


async def test_items_with_the_same_capture_time_can_be_moved_between_each_other(
    album_services_on_both: AlbumServices,
) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos_of_one_moment(150)
    album = await ada.album(*photos)
    await ada.done(ada.http.patch(f"albums/{album}", json={"order": "manual"}))

    for item, anchor in ((photos[149], photos[0]), (photos[148], photos[0]), (photos[3], photos[149])):
        body = {"ids": [item], "before": anchor}
        await ada.done(ada.http.post(f"albums/{album}/items/move", json=body))

    expected = [photos[3], photos[149], photos[148], *photos[:3], *photos[4:148]]
    assert await ada.visible_items(album) == expected


async def test_an_album_is_renumbered_when_no_position_is_free(album_services_on_both: AlbumServices) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos_of_one_moment(1_010)
    album = await ada.album(*photos[:500])
    for start in (500, 1_000):
        await ada.add(album, *photos[start : start + 500])
    await ada.done(ada.http.patch(f"albums/{album}", json={"order": "manual"}))

    await ada.done(ada.http.post(f"albums/{album}/items/move", json={"ids": photos[-5:], "after": photos[1]}))

    assert await ada.visible_items(album, limit=200) == [*photos[:2], *photos[-5:], *photos[2:-5]]


async def test_a_cursor_of_another_order_is_refused(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    album = await ada.album(*await ada.photos(2))
    cursor = (await ada.done(ada.http.get(f"albums/{album}/items", params={"limit": 1})))["next_cursor"]

    await ada.done(ada.http.patch(f"albums/{album}", json={"order": "manual"}))

    response = await ada.http.get(f"albums/{album}/items", params={"cursor": cursor})
    assert response.status_code == 422


async def test_concurrent_moves_leave_every_item_where_one_of_them_put_it(
    album_services_on_both: AlbumServices,
) -> None:
    ada = await album_services_on_both.person()
    photos = await ada.photos(8)
    album = await ada.album(*photos, order="manual")

    async def move(item: ItemId) -> None:
        await ada.done(ada.http.post(f"albums/{album}/items/move", json={"ids": [item], "before": photos[0]}))

    await asyncio.gather(*(move(item) for item in photos[4:]))

    visible = await ada.visible_items(album)
    assert sorted(visible) == sorted(photos)
    assert (set(visible[:4]), visible[4:]) == (set(photos[4:]), photos[:4])


async def test_deleted_items_are_hidden_and_restored_ones_are_visible_again(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    photos = await ada.photos(5)
    album = await ada.album(*photos)
    await ada.invite(album, bob)

    for item in photos[1:3]:
        await ada.done(ada.http.delete(f"items/{item}"))
    assert await bob.visible_items(album, limit=2) == [photos[0], *photos[3:]]
    assert not await bob.sees(photos[1])
    await ada.done(ada.http.post(f"items/{photos[1]}/restore"))

    assert await bob.visible_items(album, limit=2) == [*photos[:2], *photos[3:]]


async def test_members_see_an_item_as_soon_as_it_has_a_rendition(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    uploading = await ada.photo(state=ItemState.UPLOADING, result=None)
    failed = await ada.photo(1, state=ItemState.FAILED)
    ready = await ada.photo(2)
    album = await ada.album(uploading, failed, ready)
    await ada.invite(album, bob)

    assert await ada.visible_items(album) == [uploading, failed, ready]
    assert await bob.visible_items(album) == [ready]
    assert [await bob.sees(item) for item in (uploading, failed, ready)] == [False, False, True]


async def test_more_than_500_items_in_a_request_are_refused(album_services: AlbumServices) -> None:
    ada = await album_services.person()
    album = await ada.album()

    for ids in ([], [new_item_id() for _ in range(501)]):
        assert (await ada.http.post(f"albums/{album}/items", json={"ids": ids})).status_code == 422
