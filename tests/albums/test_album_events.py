"""Events of an album are published to the log of each of its members."""

from tests.albums.album_services import AlbumServices, Json, Person


async def received_events(person: Person, expected: int) -> list[Json]:
    """Return the first `expected` events of the person's log; wait until they are there."""
    events: list[Json] = []
    after = 0
    while len(events) < expected:
        page = await person.done(person.http.get("events", params={"after": after, "wait": 20}))
        assert page["events"], [event["type"] for event in events]
        events += page["events"]
        after = page["read_to"]
    return events


async def test_members_receive_changes_and_only_the_owner_receives_invitations(album_services: AlbumServices) -> None:
    ada, bob = await album_services.person(), await album_services.person()
    album, item = await ada.album(), await ada.photo()
    await ada.invite(album, bob)
    await ada.add(album, item)
    await ada.done(ada.http.patch(f"albums/{album}", json={"title": "Autumn"}))
    await ada.remove(album, item)
    await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
    await ada.done(ada.http.delete(f"albums/{album}"))

    ada_events, bob_events = await received_events(ada, 8), await received_events(bob, 5)

    expected = ["joined", "items_added", "updated", "items_removed", "left"]
    assert [event["type"] for event in bob_events] == [f"album.{each}" for each in expected]
    assert [event["type"] for event in ada_events] == [
        "album.created",
        "invitation.created",
        *(f"album.{each}" for each in expected),
        "album.deleted",
    ]
    assert {event["subject"] for event in bob_events} == {album}
    assert (bob_events[1]["data"]["item_ids"], bob_events[1]["data"]["item_count"]) == ([item], 1)
    assert bob_events[2]["data"]["title"] == "Autumn"
    assert "role" not in bob_events[2]["data"]
    assert "token" not in str(ada_events)
