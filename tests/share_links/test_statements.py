"""The statements of share links and comments on SQLite and on each engine."""

from app.comments.service.comment_events import CommentEvents
from app.comments.service.erasure import CommentErasure
from app.comments.store import CommentStore
from darkroom_shared.sharing import PROOF_HEADER
from tests.services import ManualClock, Stores, open_services
from tests.share_links.sharing_services import open_sharing_services

PASSWORD, TEXT = "six or more", "Un été à la mer 🏖️ — 海"


async def test_links_and_comments_are_created_changed_and_deleted_on_both_databases(
    stores: Stores, common_database_url: str
) -> None:
    settings = {"database_url": common_database_url}
    async with (
        open_services(stores, ManualClock(), **settings) as services,
        open_sharing_services(stores, services, **settings) as sharing,
    ):
        owner, member = await sharing.user(), await sharing.user()
        item = await owner.photo()
        album = await owner.album(item)
        await owner.invite(album, member)

        link = await owner.share(album, label=TEXT, password=PASSWORD)
        proof = (await link.request("POST", "shared/unlock", {"password": PASSWORD})).json()["proof"]
        open_page = await link.request("GET", "shared/items", headers={PROOF_HEADER: proof})
        assert [each["item"]["id"] for each in open_page.json()["items"]] == [item]
        path = f"albums/{album}/shares/{link.id}"
        assert (await owner.request("PATCH", path, {"password": None, "download_allowed": True})).status_code == 200
        assert (await link.get("shared"))["download_allowed"]
        assert (await owner.request("DELETE", path)).status_code == 204
        assert await link.status("shared") == 404

        added = await member.post(f"items/{item}/comments", {"text": TEXT})
        assert added["text"] == TEXT
        comment = f"items/{item}/comments/{added['id']}"
        assert (await member.request("PATCH", comment, {"text": TEXT * 2})).json()["text"] == TEXT * 2
        assert (await owner.get("comments/unread"))["count"] == 1
        assert (await owner.request("POST", "comments/read", {"up_to": added["id"]})).status_code == 204
        assert (await owner.get("comments/unread"))["count"] == 0
        assert (await owner.request("DELETE", comment)).status_code == 204
        await owner.post(f"items/{item}/comments", {"text": TEXT})
        base, store = services.base, CommentStore()
        erasure = CommentErasure(
            database=base.database, cache=base.cache, store=store, events=CommentEvents(base.events.outbox, store)
        )
        assert sum([erased async for erased in erasure.erase(owner.account)]) == 1
        assert await erasure.count_rows(member.account) == {"comments": 0, "unread_comments": 0}
