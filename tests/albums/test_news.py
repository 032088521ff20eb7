"""What happens in an album is told to everybody who is in it, each in the own log."""

from tests.albums.family import Family, Json, Person


async def heard(person: Person, expected: int) -> list[Json]:
    """The events of the person's log, once there are that many."""
    events: list[Json] = []
    after = 0
    while len(events) < expected:
        page = await person.done(person.http.get("events", params={"after": after, "wait": 20}))
        assert page["events"], [event["type"] for event in events]
        events += page["events"]
        after = page["read_to"]
    return events


async def test_members_hear_of_changes_and_only_the_owner_of_invitations(family: Family) -> None:
    ada, bob = await family.person(), await family.person()
    album, item = await ada.album(), await ada.photo()
    await ada.invite(album, bob)
    await ada.add(album, item)
    await ada.done(ada.http.patch(f"albums/{album}", json={"title": "Autumn"}))
    await ada.remove(album, item)
    await bob.done(bob.http.delete(f"albums/{album}/members/{bob.account}"))
    await ada.done(ada.http.delete(f"albums/{album}"))

    hers, his = await heard(ada, 8), await heard(bob, 5)

    expected = ["joined", "items_added", "updated", "items_removed", "left"]
    assert [event["type"] for event in his] == [f"album.{each}" for each in expected]
    assert [event["type"] for event in hers] == [
        "album.created",
        "invitation.created",
        *(f"album.{each}" for each in expected),
        "album.deleted",
    ]
    assert {event["subject"] for event in his} == {album}
    assert (his[1]["data"]["item_ids"], his[1]["data"]["item_count"]) == ([item], 1)
    assert his[2]["data"]["title"] == "Autumn"
    assert "role" not in his[2]["data"]
    assert "token" not in str(hers)
