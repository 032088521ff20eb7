"""Comments over HTTP: who reads and writes them, who has them unread, and who is told."""

import asyncio
from collections.abc import Mapping

from app.accounts.limits import COMMENTS_OF_ACCOUNT, Attempts
from app.albums.comment_erasure import CommentErasure
from app.albums.comment_news import CommentNews
from app.albums.comment_store import CommentStore
from shared.ids import AccountId, ItemId, new_comment_id, new_ulid
from tests.sharing.people import NOTHING_MORE, Json, Person, Town


async def say(who: Person, item: str, text: str, headers: Mapping[str, str] = NOTHING_MORE) -> Json:
    said: Json = await who.post(f"items/{item}/comments", {"text": text}, headers)
    return said


async def texts(who: Person, item: str) -> list[str]:
    return [each["text"] for each in (await who.get(f"items/{item}/comments"))["comments"]]


async def unread(who: Person) -> dict[str, int]:
    counted = await who.get("comments/unread")
    by_item = {each["item_id"]: each["count"] for each in counted["items"]}
    assert counted["count"] == sum(by_item.values())
    return by_item


async def told(who: Person, subject: str, last: str) -> list[Json]:
    """What the log of this person says about it, up to the first event of the type `last`."""
    heard: list[Json] = []
    read_to = 0
    async with asyncio.timeout(60):
        while last not in [event["type"] for event in heard]:
            page = await who.get(f"events?after={read_to}&wait=10")
            heard += [event for event in page["events"] if event["subject"] == subject]
            read_to = page["read_to"]
    return heard


async def test_those_who_see_an_item_talk_about_it_and_nobody_else_hears(town: Town) -> None:
    owner, member, stranger = [await town.somebody() for _ in range(3)]
    item = await owner.photo()
    album = await owner.album(item)
    await owner.invite(album, member)
    first = await say(owner, item, "  Up at five for this. ")
    second = await say(member, item, "Worth it!")
    assert (first["text"], first["version"], first["edited_at"]) == ("Up at five for this.", 1, None)
    assert second["author"]["account_id"] == member.account
    assert second["author"]["name"]
    for reader in (owner, member):
        assert await texts(reader, item) == ["Worth it!", "Up at five for this."]
    path = f"items/{item}/comments"
    for method, each in (("GET", path), ("POST", path), ("DELETE", f"{path}/{first['id']}")):
        assert (await stranger.ask(method, each, {"text": "?"} if method == "POST" else None)).status_code == 404


async def test_pages_go_back_in_time_and_their_cursors_are_the_readers_own(town: Town) -> None:
    owner, member = await town.somebody(), await town.somebody()
    item = await owner.photo()
    await owner.invite(await owner.album(item), member)
    for number in range(5):
        await say(owner, item, str(number))
        await asyncio.sleep(0.002)  # ids are in order from one millisecond to the next
    path = f"items/{item}/comments?limit=2"
    seen, cursor = [], ""
    while True:
        page = await owner.get(path + cursor)
        seen += [each["text"] for each in page["comments"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        assert (await member.ask("GET", path + cursor)).status_code == 422
    assert seen == ["4", "3", "2", "1", "0"]


async def test_only_the_author_edits_and_the_items_owner_may_remove(town: Town) -> None:
    owner, author, other = [await town.somebody() for _ in range(3)]
    item = await owner.photo()
    album = await owner.album(item)
    for guest in (author, other):
        await owner.invite(album, guest)
    comment = await say(author, item, "Teh best")
    path = f"items/{item}/comments/{comment['id']}"
    for person in (owner, other):
        assert (await person.ask("PATCH", path, {"text": "mine"})).status_code == 403
    assert (await other.ask("DELETE", path)).status_code == 403
    edited = await author.ask("PATCH", path, {"text": "The best"}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["ETag"], edited.json()["version"]) == (200, '"2"', 2)
    assert edited.json()["edited_at"]
    assert (await author.ask("PATCH", path, {"text": "late"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.ask("DELETE", path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.ask("DELETE", path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await author.ask("DELETE", path)).status_code == 404
    assert await texts(owner, item) == []
    elsewhere = await owner.photo()
    kept = await say(owner, item, "Another")
    assert (await owner.ask("DELETE", f"items/{elsewhere}/comments/{kept['id']}")).status_code == 404


async def test_a_comment_is_unread_for_everybody_else_until_they_say_so(town: Town) -> None:
    owner, author, other = [await town.somebody() for _ in range(3)]
    item, second = await owner.photo(), await owner.photo()
    album = await owner.album(item, second)
    for guest in (author, other):
        await owner.invite(album, guest)
    assert await unread(owner) == {}
    first = await say(author, item, "One")
    await asyncio.sleep(0.002)
    await say(author, item, "Two")
    await say(other, second, "Three")
    assert (await unread(owner), await unread(author), await unread(other)) == (
        {item: 2, second: 1},
        {second: 1},
        {item: 2},
    )
    for _ in range(2):
        assert (await owner.ask("POST", "comments/read", {"up_to": first["id"], "item_id": item})).status_code == 204
        assert await unread(owner) == {item: 1, second: 1}
    assert (await owner.ask("POST", "comments/read", {"up_to": new_comment_id()})).status_code == 204
    assert (await unread(owner), await unread(other)) == ({}, {item: 2})
    assert (await author.ask("DELETE", f"items/{item}/comments/{first['id']}")).status_code == 204
    assert await unread(other) == {item: 1}


async def test_what_can_no_longer_be_seen_is_not_counted(town: Town) -> None:
    owner, member = await town.somebody(), await town.somebody()
    leaves, deleted, stays = [await owner.photo() for _ in range(3)]
    album = await owner.album(leaves, deleted, stays)
    await owner.invite(album, member)
    for item in (leaves, deleted, stays):
        await say(owner, item, "Look!")
        await say(member, item, "I see")
    await owner.post(f"albums/{album}/items/remove", {"ids": [leaves]})
    assert (await owner.ask("DELETE", f"items/{deleted}")).status_code == 204
    assert (await unread(member), await unread(owner)) == ({stays: 1}, {leaves: 1, stays: 1})
    assert (await member.ask("GET", f"items/{leaves}/comments")).status_code == 404


async def test_each_who_may_see_the_item_is_told_once_of_every_change(town: Town) -> None:
    owner, author, other = [await town.somebody() for _ in range(3)]
    item = await owner.photo()
    for album in (await owner.album(item), await owner.album(item)):  # in two albums, told once
        for guest in (author, other):
            await owner.invite(album, guest)
    comment = await say(author, item, "One")
    path = f"items/{item}/comments/{comment['id']}"
    assert (await author.ask("PATCH", path, {"text": "Two"})).status_code == 200
    assert (await author.ask("DELETE", path)).status_code == 204
    for listener in (owner, author, other):
        heard = await told(listener, comment["id"], "comment.deleted")
        assert [(event["type"], event["data"]["text"]) for event in heard] == [
            ("comment.created", "One"), ("comment.updated", "Two"), ("comment.deleted", ""),
        ]  # fmt: skip
        assert heard[0]["data"]["author"] == comment["author"]


async def test_the_same_request_writes_one_comment_however_often_it_is_sent(town: Town) -> None:
    owner = await town.somebody()
    item = await owner.photo()
    key = {"Idempotency-Key": new_ulid()}
    answers = await asyncio.gather(*(say(owner, item, "Once", key) for _ in range(5)))
    assert len({answer["id"] for answer in answers}) == 1
    assert await texts(owner, item) == ["Once"]
    other = await owner.ask("POST", f"items/{item}/comments", {"text": "Twice"}, key)
    assert other.status_code == 422


async def test_nobody_floods_others_and_nothing_empty_is_said(town: Town) -> None:
    owner = await town.somebody()
    item = await owner.photo()
    path = f"items/{item}/comments"
    for text in ("", "   ", "x" * 2_001, "\ud800"):
        body = f'{{"text": "{text}"}}' if text != "\ud800" else '{"text": "\\ud800"}'
        refused = await town.http.post(path, content=body, headers=owner.headers | {"Content-Type": "application/json"})
        assert refused.status_code == 422, text
    attempts = Attempts(town.house.base.signals.limits)
    for _ in range(COMMENTS_OF_ACCOUNT.most):
        await attempts.comment(owner.account)
    assert (await owner.ask("POST", path, {"text": "One more"})).status_code == 429


async def test_an_erased_account_takes_along_what_it_said_and_what_was_said_about_its_items(town: Town) -> None:
    owner, leaver = await town.somebody(), await town.somebody()
    item, own = await owner.photo(), await leaver.photo()
    await owner.invite(await owner.album(item), leaver)
    await leaver.invite(await leaver.album(own), owner)
    said = await say(leaver, item, "Farewell")
    await say(owner, item, "Stay")
    await say(owner, own, "Nice one")
    base, store = town.house.base, CommentStore()
    erasure = CommentErasure(base.database, base.cache, store, CommentNews(base.events.outbox, store))
    assert await erasure.count_rows(leaver.account) == {"comments": 2, "unread_comments": 2}
    assert sum([erased async for erased in erasure.erase(leaver.account)]) == 3
    assert await erasure.count_rows(leaver.account) == {"comments": 0, "unread_comments": 0}
    assert await texts(owner, item) == ["Stay"]
    assert await unread(owner) == {}
    assert [event["type"] for event in await told(owner, said["id"], "comment.deleted")][-1] == "comment.deleted"
    assert sum([erased async for erased in erasure.erase(leaver.account)]) == 0


async def test_what_was_said_about_an_item_goes_with_it(town: Town) -> None:
    owner, member = await town.somebody(), await town.somebody()
    item, stays = await owner.photo(), await owner.photo()
    await owner.invite(await owner.album(item, stays), member)
    for each in (item, stays):
        await say(member, each, "Look!")
    base, store = town.house.base, CommentStore()
    erasure = CommentErasure(base.database, base.cache, store, CommentNews(base.events.outbox, store))
    for _ in range(2):
        await erasure.forget(AccountId(owner.account), ItemId(item))
        assert await erasure.count_rows(owner.account) == {"comments": 1, "unread_comments": 1}
    assert (await texts(owner, item), await texts(owner, stays)) == ([], ["Look!"])
    assert await unread(owner) == {stays: 1}
