"""The statements of share links and of comments, on SQLite and on MariaDB."""

from app.albums.comment_erasure import CommentErasure
from app.albums.comment_news import CommentNews
from app.albums.comment_store import CommentStore
from shared.sharing import PROOF_HEADER
from tests.house import ManualClock, Stores, open_house
from tests.sharing.people import open_town

PASSWORD, TEXT = "six or more", "Un été à la mer 🏖️ — 海"


async def test_a_link_and_a_comment_live_and_end_on_both_databases(stores: Stores, common_database_url: str) -> None:
    settings = {"database_url": common_database_url}
    async with open_house(stores, ManualClock(), **settings) as house, open_town(stores, house, **settings) as town:
        owner, member = await town.somebody(), await town.somebody()
        item = await owner.photo()
        album = await owner.album(item)
        await owner.invite(album, member)

        link = await owner.share(album, label=TEXT, password=PASSWORD)
        proof = (await link.ask("POST", "shared/unlock", {"password": PASSWORD})).json()["proof"]
        visit = await link.ask("GET", "shared/items", headers={PROOF_HEADER: proof})
        assert [each["item"]["id"] for each in visit.json()["items"]] == [item]
        path = f"albums/{album}/shares/{link.id}"
        assert (await owner.ask("PATCH", path, {"password": None, "download_allowed": True})).status_code == 200
        assert (await link.get("shared"))["download_allowed"]
        assert (await owner.ask("DELETE", path)).status_code == 204
        assert await link.status("shared") == 404

        said = await member.post(f"items/{item}/comments", {"text": TEXT})
        assert said["text"] == TEXT
        comment = f"items/{item}/comments/{said['id']}"
        assert (await member.ask("PATCH", comment, {"text": TEXT * 2})).json()["text"] == TEXT * 2
        assert (await owner.get("comments/unread"))["count"] == 1
        assert (await owner.ask("POST", "comments/read", {"up_to": said["id"]})).status_code == 204
        assert (await owner.get("comments/unread"))["count"] == 0
        assert (await owner.ask("DELETE", comment)).status_code == 204
        await owner.post(f"items/{item}/comments", {"text": TEXT})
        base, store = house.base, CommentStore()
        erasure = CommentErasure(base.database, base.cache, store, CommentNews(base.events.outbox, store))
        assert sum([erased async for erased in erasure.erase(owner.account)]) == 1
        assert await erasure.count_rows(member.account) == {"comments": 0, "unread_comments": 0}
