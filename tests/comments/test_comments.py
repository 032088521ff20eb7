"""Comments over HTTP: access, unread counts, and events to the recipients."""

import asyncio
from collections.abc import Mapping

from app.comments.service.comment_events import CommentEvents
from app.comments.service.erasure import CommentErasure
from app.comments.service.limits import COMMENTS_OF_ACCOUNT, CommentLimit
from app.comments.store import CommentStore
from darkroom_shared.ids import AccountId, ItemId, new_comment_id, new_ulid
from tests.share_links.sharing_services import NOTHING_MORE, Json, Person, SharingServices


async def add_comment(who: Person, item: str, text: str, headers: Mapping[str, str] = NOTHING_MORE) -> Json:
    comment: Json = await who.post(f"items/{item}/comments", {"text": text}, headers)
    return comment


async def texts(who: Person, item: str) -> list[str]:
    return [each["text"] for each in (await who.get(f"items/{item}/comments"))["comments"]]


async def unread(who: Person) -> dict[str, int]:
    counted = await who.get("comments/unread")
    by_item = {each["item_id"]: each["count"] for each in counted["items"]}
    assert counted["count"] == sum(by_item.values())
    return by_item


async def published_events(who: Person, subject: str, last: str) -> list[Json]:
    """Return the person's events about `subject`, up to the first one of the type `last`."""
    received: list[Json] = []
    read_to = 0
    async with asyncio.timeout(60):
        while last not in [event["type"] for event in received]:
            page = await who.get(f"events?after={read_to}&wait=10")
            received += [event for event in page["events"] if event["subject"] == subject]
            read_to = page["read_to"]
    return received


async def test_comments_reach_the_viewers_of_an_item_and_no_other_account(sharing: SharingServices) -> None:
    owner, member, other_account = [await sharing.user() for _ in range(3)]
    item = await owner.photo()
    album = await owner.album(item)
    await owner.invite(album, member)
    first = await add_comment(owner, item, "  Up at five for this. ")
    second = await add_comment(member, item, "Worth it!")
    assert (first["text"], first["version"], first["edited_at"]) == ("Up at five for this.", 1, None)
    assert second["author"]["account_id"] == member.account
    assert second["author"]["name"]
    for reader in (owner, member):
        assert await texts(reader, item) == ["Worth it!", "Up at five for this."]
    path = f"items/{item}/comments"
    for method, each in (("GET", path), ("POST", path), ("DELETE", f"{path}/{first['id']}")):
        assert (
            await other_account.request(method, each, {"text": "?"} if method == "POST" else None)
        ).status_code == 404


async def test_pages_are_newest_first_and_cursors_are_valid_for_their_reader_only(sharing: SharingServices) -> None:
    owner, member = await sharing.user(), await sharing.user()
    item = await owner.photo()
    await owner.invite(await owner.album(item), member)
    for number in range(5):
        await add_comment(owner, item, str(number))
        await asyncio.sleep(0.002)  # ids sort by their millisecond
    path = f"items/{item}/comments?limit=2"
    seen, cursor = [], ""
    while True:
        page = await owner.get(path + cursor)
        seen += [each["text"] for each in page["comments"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        assert (await member.request("GET", path + cursor)).status_code == 422
    assert seen == ["4", "3", "2", "1", "0"]


async def test_only_the_author_edits_and_the_items_owner_may_delete(sharing: SharingServices) -> None:
    owner, author, other = [await sharing.user() for _ in range(3)]
    item = await owner.photo()
    album = await owner.album(item)
    for invitee in (author, other):
        await owner.invite(album, invitee)
    comment = await add_comment(author, item, "Teh best")
    path = f"items/{item}/comments/{comment['id']}"
    for person in (owner, other):
        assert (await person.request("PATCH", path, {"text": "mine"})).status_code == 403
    assert (await other.request("DELETE", path)).status_code == 403
    edited = await author.request("PATCH", path, {"text": "The best"}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["ETag"], edited.json()["version"]) == (200, '"2"', 2)
    assert edited.json()["edited_at"]
    assert (await author.request("PATCH", path, {"text": "late"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.request("DELETE", path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.request("DELETE", path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await author.request("DELETE", path)).status_code == 404
    assert await texts(owner, item) == []
    elsewhere = await owner.photo()
    other_comment = await add_comment(owner, item, "Another")
    assert (await owner.request("DELETE", f"items/{elsewhere}/comments/{other_comment['id']}")).status_code == 404


async def test_a_comment_is_unread_for_every_recipient_until_marked(sharing: SharingServices) -> None:
    owner, author, other = [await sharing.user() for _ in range(3)]
    item, second = await owner.photo(), await owner.photo()
    album = await owner.album(item, second)
    for invitee in (author, other):
        await owner.invite(album, invitee)
    assert await unread(owner) == {}
    first = await add_comment(author, item, "One")
    await asyncio.sleep(0.002)
    await add_comment(author, item, "Two")
    await add_comment(other, second, "Three")
    assert (await unread(owner), await unread(author), await unread(other)) == (
        {item: 2, second: 1},
        {second: 1},
        {item: 2},
    )
    for _ in range(2):
        assert (
            await owner.request("POST", "comments/read", {"up_to": first["id"], "item_id": item})
        ).status_code == 204
        assert await unread(owner) == {item: 1, second: 1}
    assert (await owner.request("POST", "comments/read", {"up_to": new_comment_id()})).status_code == 204
    assert (await unread(owner), await unread(other)) == ({}, {item: 2})
    assert (await author.request("DELETE", f"items/{item}/comments/{first['id']}")).status_code == 204
    assert await unread(other) == {item: 1}


async def test_comments_that_are_no_longer_visible_are_not_counted(sharing: SharingServices) -> None:
    owner, member = await sharing.user(), await sharing.user()
    leaves, deleted, stays = [await owner.photo() for _ in range(3)]
    album = await owner.album(leaves, deleted, stays)
    await owner.invite(album, member)
    for item in (leaves, deleted, stays):
        await add_comment(owner, item, "Look!")
        await add_comment(member, item, "I see")
    await owner.post(f"albums/{album}/items/remove", {"ids": [leaves]})
    assert (await owner.request("DELETE", f"items/{deleted}")).status_code == 204
    assert (await unread(member), await unread(owner)) == ({stays: 1}, {leaves: 1, stays: 1})
    assert (await member.request("GET", f"items/{leaves}/comments")).status_code == 404


async def test_each_viewer_of_the_item_receives_every_change_once(sharing: SharingServices) -> None:
    owner, author, other = [await sharing.user() for _ in range(3)]
    item = await owner.photo()
    for album in (await owner.album(item), await owner.album(item)):  # in two albums, published once
        for invitee in (author, other):
            await owner.invite(album, invitee)
    comment = await add_comment(author, item, "One")
    path = f"items/{item}/comments/{comment['id']}"
    assert (await author.request("PATCH", path, {"text": "Two"})).status_code == 200
    assert (await author.request("DELETE", path)).status_code == 204
    for listener in (owner, author, other):
        received = await published_events(listener, comment["id"], "comment.deleted")
        assert [(event["type"], event["data"]["text"]) for event in received] == [
            ("comment.created", "One"), ("comment.updated", "Two"), ("comment.deleted", ""),
        ]  # fmt: skip
        assert received[0]["data"]["author"] == comment["author"]


async def test_a_repeated_request_writes_one_comment(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    key = {"Idempotency-Key": new_ulid()}
    responses = await asyncio.gather(*(add_comment(owner, item, "Once", key) for _ in range(5)))
    assert len({response["id"] for response in responses}) == 1
    assert await texts(owner, item) == ["Once"]
    other = await owner.request("POST", f"items/{item}/comments", {"text": "Twice"}, key)
    assert other.status_code == 422


async def test_comments_are_rate_limited_and_never_empty(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    path = f"items/{item}/comments"
    for text in ("", "   ", "x" * 2_001, "\ud800"):
        body = f'{{"text": "{text}"}}' if text != "\ud800" else '{"text": "\\ud800"}'
        refused = await sharing.http.post(
            path, content=body, headers=owner.headers | {"Content-Type": "application/json"}
        )
        assert refused.status_code == 422, text
    rate_limit = CommentLimit(sharing.services.base.signals.limits)
    for _ in range(COMMENTS_OF_ACCOUNT.maximum):
        await rate_limit.count(owner.account)
    assert (await owner.request("POST", path, {"text": "One more"})).status_code == 429


async def test_erasing_an_account_deletes_its_comments_and_those_on_its_items(sharing: SharingServices) -> None:
    owner, leaving = await sharing.user(), await sharing.user()
    item, own = await owner.photo(), await leaving.photo()
    await owner.invite(await owner.album(item), leaving)
    await leaving.invite(await leaving.album(own), owner)
    comment = await add_comment(leaving, item, "Farewell")
    await add_comment(owner, item, "Stay")
    await add_comment(owner, own, "Nice one")
    base, store = sharing.services.base, CommentStore()
    erasure = CommentErasure(
        database=base.database, cache=base.cache, store=store, events=CommentEvents(base.events.outbox, store)
    )
    assert await erasure.count_rows(leaving.account) == {"comments": 2, "unread_comments": 2}
    assert sum([erased async for erased in erasure.erase(leaving.account)]) == 3
    assert await erasure.count_rows(leaving.account) == {"comments": 0, "unread_comments": 0}
    assert await texts(owner, item) == ["Stay"]
    assert await unread(owner) == {}
    assert [event["type"] for event in await published_events(owner, comment["id"], "comment.deleted")][
        -1
    ] == "comment.deleted"
    assert sum([erased async for erased in erasure.erase(leaving.account)]) == 0


async def test_comments_are_deleted_with_their_item(sharing: SharingServices) -> None:
    owner, member = await sharing.user(), await sharing.user()
    item, stays = await owner.photo(), await owner.photo()
    await owner.invite(await owner.album(item, stays), member)
    for each in (item, stays):
        await add_comment(member, each, "Look!")
    base, store = sharing.services.base, CommentStore()
    erasure = CommentErasure(
        database=base.database, cache=base.cache, store=store, events=CommentEvents(base.events.outbox, store)
    )
    for _ in range(2):
        await erasure.delete(AccountId(owner.account), ItemId(item))
        assert await erasure.count_rows(owner.account) == {"comments": 1, "unread_comments": 1}
    assert (await texts(owner, item), await texts(owner, stays)) == ([], ["Look!"])
    assert await unread(owner) == {stays: 1}
