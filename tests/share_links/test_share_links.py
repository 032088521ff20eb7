"""Share links over HTTP: what visitors see, what owners may change, and that an ended link gives no access."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from app.accounts.service.passwords import Passwords
from app.accounts.service.tokens import hash_of, new_token
from app.share_links.schema.links import PREFIX, key_of_id, key_of_token
from app.share_links.schema.tables import share_links
from app.share_links.service.limits import FAILED_UNLOCKS_OF_SHARE, UnlockAttempts
from app.share_links.service.open_links import OpenLinks
from app.share_links.service.proofs import Proofs
from app.share_links.service.visits import VisitService
from app.share_links.store.links import ShareLinkStore
from app.share_links.store.visits import VisitStore
from darkroom_process.secret_file import Secret
from darkroom_shared.ids import AlbumId, ShareId, new_share_id
from darkroom_shared.problems import TYPE_PREFIX, NotFound, ShareLocked
from darkroom_shared.sharing import MAX_SHARES, PROOF_HEADER, SHARE_HEADER
from tests.api import CHEAP_MEMORY_KIB
from tests.api import PASSWORD as ACCOUNT_PASSWORD
from tests.services import ManualClock
from tests.share_links.sharing_services import Json, Link, SharingServices

PASSWORD = "six or more"


async def proof_of(link: Link, password: str = PASSWORD) -> dict[str, str]:
    response = await link.request("POST", "shared/unlock", {"password": password})
    assert response.status_code == 200, response.text
    return {PROOF_HEADER: response.json()["proof"]}


async def test_a_visitor_sees_only_the_album_and_its_items(sharing: SharingServices) -> None:
    owner = await sharing.user()
    visible, hidden = await owner.photo(), await owner.photo()
    link = await owner.share(await owner.album(visible))
    album = await link.get("shared")
    assert (album["title"], album["item_count"], album["download_allowed"]) == ("Autumn", 1, False)
    (entry,) = (await link.get("shared/items"))["items"]
    assert (entry["item"]["id"], entry["owner_id"], entry["original"], entry["item"]["digest"]) == (
        visible,
        None,
        False,
        None,
    )
    assert (await link.get(f"items/{visible}"))["renditions"][0]["url"] == entry["item"]["renditions"][0]["url"]
    assert [await link.status(path) for path in (f"items/{hidden}", f"items/{visible}/original")] == [404, 404]
    for path in ("items", "albums", "account", "events", f"items/{visible}/comments"):
        assert await link.status(path) == 401, path
    for method, path in (("DELETE", f"items/{visible}"), ("PATCH", f"items/{visible}")):
        assert (await link.request(method, path, {"caption": "mine"})).status_code in {401, 404}, path


async def test_a_visitors_urls_are_valid_for_ten_to_twenty_minutes(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    link = await owner.share(await owner.album(item))
    ends = datetime.fromisoformat((await link.get(f"items/{item}"))["urls_expire_at"])
    assert timedelta(minutes=9) < ends - datetime.now(UTC) <= timedelta(minutes=20)


async def test_a_visitor_plays_a_video_until_the_link_is_revoked(sharing: SharingServices) -> None:
    owner = await sharing.user()
    video = await owner.video()
    album = await owner.album(video)
    link = await owner.share(album)
    playlist = (await link.get(f"items/{video}"))["playlist_url"].removeprefix("/v1/")
    main = await sharing.http.get(playlist)  # a player sends no header: its grant is in the URL
    assert main.status_code == 200
    (rung, *_) = [line for line in main.text.splitlines() if not line.startswith("#")]
    media = main.url.join(rung)
    assert (await sharing.http.get(media)).status_code == 200
    assert (await owner.request("DELETE", f"albums/{album}/shares/{link.id}")).status_code == 204
    assert [(await sharing.http.get(url)).status_code for url in (playlist, media)] == [404, 404]


async def test_originals_are_served_only_to_links_that_allow_downloads(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    album = await owner.album(item)
    link = await owner.share(album, download_allowed=True)
    (entry,) = (await link.get("shared/items"))["items"]
    assert entry["original"]
    url = urlsplit((await link.get(f"items/{item}/original"))["url"])
    assert url.path.endswith(f"/{item}")
    assert "Policy" in parse_qs(url.query) or "Expires" in parse_qs(url.query)
    assert (await owner.request("PATCH", f"albums/{album}/shares/{link.id}", {"download_allowed": False})).is_success
    assert await link.status(f"items/{item}/original") == 404


@pytest.mark.parametrize("ending", ["revoked", "album deleted", "expired"])
async def test_a_revoked_link_immediately_equals_an_unknown_one(sharing: SharingServices, ending: str) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    album = await owner.album(item)
    link = await owner.share(album)
    paths = ("shared", "shared/items", f"items/{item}")
    assert [await link.status(path) for path in paths] == [200, 200, 200]
    match ending:
        case "revoked":
            assert (await owner.request("DELETE", f"albums/{album}/shares/{link.id}")).status_code == 204
        case "album deleted":
            assert (await owner.request("DELETE", f"albums/{album}")).status_code == 204
        case _:
            await _expire(sharing, link)
    never = Link(sharing.http, "", "drl_" + "x" * 43)
    for path in paths:
        ended, unknown = await link.request("GET", path), await never.request("GET", path)
        assert (ended.status_code, ended.json()) == (404, unknown.json()), path


async def _expire(sharing: SharingServices, link: Link) -> None:
    """Set an expiry that has just passed, as an owner could."""
    over = update(share_links).where(share_links.c.id == link.id).values(expires_at=datetime.now(UTC))
    keys = key_of_token(hash_of(link.token)), key_of_id(ShareId(link.id))
    async with sharing.services.base.cache.change(*keys) as unit:
        await unit.connection.execute(over)


async def test_expiry_alone_ends_a_cached_link(sharing: SharingServices) -> None:
    owner = await sharing.user()
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    link = await owner.share(await owner.album(), expires_at=ends_at)
    base, clock, passwords = sharing.services.base, ManualClock(), Passwords(CHEAP_MEMORY_KIB)
    store = VisitStore()
    share_link_uses = VisitService(
        links=OpenLinks(cache=base.cache, store=store, clock=clock),
        database=base.database,
        store=store,
        passwords=passwords,
        attempts=UnlockAttempts(base.signals.limits),
        proofs=Proofs(Secret(b"secret"), clock),
    )
    visitor = await share_link_uses.open(link.token, None)
    assert await share_link_uses.visitor(visitor.share_id) == visitor
    clock.advance(hours=1, seconds=1)
    with pytest.raises(NotFound):
        await share_link_uses.open(link.token, None)
    assert await share_link_uses.visitor(visitor.share_id) is None
    passwords.close()


async def test_an_item_removed_from_the_album_is_absent_for_visitors_immediately(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item, stays = await owner.photo(), await owner.photo()
    album = await owner.album(item, stays)
    link = await owner.share(album)
    assert await link.status(f"items/{item}") == 200
    await owner.post(f"albums/{album}/items/remove", {"ids": [item]})
    assert [await link.status(f"items/{each}") for each in (item, stays)] == [404, 200]
    assert [each["item"]["id"] for each in (await link.get("shared/items"))["items"]] == [stays]


async def test_a_link_requires_its_password_and_a_new_password_ends_all_proofs(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item = await owner.photo()
    album = await owner.album(item)
    link = await owner.share(album, password=PASSWORD)
    locked = await link.request("GET", "shared")
    assert (locked.status_code, locked.json()["type"]) == (403, f"{TYPE_PREFIX}share-locked")
    wrong = await link.request("POST", "shared/unlock", {"password": "something else"})
    assert (wrong.status_code, wrong.json()["type"]) == (403, f"{TYPE_PREFIX}share-locked")
    proof = await proof_of(link)
    for path in ("shared", "shared/items", f"items/{item}"):
        assert await link.status(path) == 403
        assert (await link.request("GET", path, headers=proof)).status_code == 200, path
    other = await owner.share(album, password=PASSWORD)
    assert (await other.request("GET", "shared", headers=proof)).status_code == 403, "a proof is for one link"
    change = {"password": "another one"}
    assert (await owner.request("PATCH", f"albums/{album}/shares/{link.id}", change)).status_code == 200
    assert (await link.request("GET", "shared", headers=proof)).status_code == 403
    assert (await owner.request("PATCH", f"albums/{album}/shares/{link.id}", {"password": None})).status_code == 200
    assert await link.status("shared") == 200


async def test_guessing_a_password_ends_in_429_even_for_the_right_one(sharing: SharingServices) -> None:
    owner = await sharing.user()
    link = await owner.share(await owner.album(), password=PASSWORD)
    attempts = UnlockAttempts(sharing.services.base.signals.limits)
    for _ in range(FAILED_UNLOCKS_OF_SHARE.maximum - 1):
        with suppress(ShareLocked):
            async with attempts.unlocking(link.id, f"elsewhere {link.id}"):
                raise ShareLocked
    statuses = [
        (await link.request("POST", "shared/unlock", {"password": password})).status_code
        for password in ("a wrong one", PASSWORD)
    ]
    assert statuses == [403, 429]


async def test_a_share_header_takes_precedence_over_a_session(sharing: SharingServices) -> None:
    owner = await sharing.user()
    item, private = await owner.photo(), await owner.photo()
    link = await owner.share(await owner.album(item))
    both = owner.headers | {SHARE_HEADER: link.token}
    assert (await sharing.http.get(f"items/{item}", headers=both)).json()["digest"] is None
    assert (await sharing.http.get(f"items/{private}", headers=both)).status_code == 404


async def test_the_token_is_returned_once_and_not_stored(sharing: SharingServices) -> None:
    owner = await sharing.user()
    album = await owner.album()
    made = await owner.request("POST", f"albums/{album}/shares", {"label": "for grandma", "password": PASSWORD})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    (listed,) = (await owner.get(f"albums/{album}/shares"))["shares"]
    assert (listed["label"], listed["password_needed"]) == ("for grandma", True)
    assert "token" not in listed
    assert await owner.get(made.headers["Location"].removeprefix("/v1/")) == listed
    async with sharing.services.base.database.writer.read() as connection:
        stored = (await connection.execute(select(share_links).where(share_links.c.id == listed["id"]))).one()
    assert made.json()["token"] not in str(stored)
    assert PASSWORD not in str(stored)
    assert stored.password_hash.startswith("$argon2id$")
    keyed = await owner.request("POST", f"albums/{album}/shares", {}, headers={"Idempotency-Key": "one"})
    assert keyed.status_code == 400


async def test_concurrent_changes_of_a_link_do_not_undo_each_other(sharing: SharingServices) -> None:
    owner = await sharing.user()
    album = await owner.album()
    link = await owner.share(album)
    path = f"albums/{album}/shares/{link.id}"
    first = await owner.request("PATCH", path, {"label": "one"}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.headers["ETag"]) == (200, '"2"')
    assert (await owner.request("PATCH", path, {"label": "two"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await owner.get(path))["label"] == "one"
    assert (await owner.request("PATCH", path, {})).status_code == 422
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert (await owner.request("PATCH", path, {"expires_at": past})).status_code == 422


async def test_the_number_of_links_of_an_album_is_limited(sharing: SharingServices) -> None:
    owner = await sharing.user()
    album = await owner.album()
    link = await owner.share(album)
    async with sharing.services.base.database.writer.write() as connection:
        row = await ShareLinkStore().get(connection, AlbumId(album), ShareId(link.id))
        assert row
        for _ in range(MAX_SHARES - 1):
            await ShareLinkStore().add(
                connection, replace(row, id=new_share_id(), token_hash=hash_of(new_token(PREFIX)))
            )
    assert (await owner.request("POST", f"albums/{album}/shares", {})).status_code == 409
    (*_, oldest) = (await owner.get(f"albums/{album}/shares"))["shares"]
    assert (await owner.request("DELETE", f"albums/{album}/shares/{oldest['id']}")).status_code == 204
    await owner.share(album)


async def test_only_the_albums_owner_manages_its_links(sharing: SharingServices) -> None:
    owner, member, other_account = [await sharing.user() for _ in range(3)]
    album = await owner.album()
    link = await owner.share(album)
    await owner.invite(album, member)
    path = f"albums/{album}/shares"
    requests = (("GET", path), ("POST", path), ("GET", f"{path}/{link.id}"), ("DELETE", f"{path}/{link.id}"))
    for method, each in requests:
        body: Json | None = {} if method == "POST" else None
        assert (await member.request(method, each, body)).status_code == 403, each
        assert (await other_account.request(method, each, body)).status_code == 404, each
    assert await link.status("shared") == 200


async def test_a_link_is_absent_on_every_route_once_its_owners_account_is_closed(
    sharing: SharingServices,
) -> None:
    owner = await sharing.user()
    video = await owner.video()
    link = await owner.share(await owner.album(video), download_allowed=True)
    playlist = (await link.get(f"items/{video}"))["playlist_url"].removeprefix("/v1/")
    paths = ("shared", "shared/items", f"items/{video}", f"items/{video}/original", f"items/{video}/hls/main.m3u8")
    assert [await link.status(path) for path in paths] == [200] * 5

    assert (await owner.request("DELETE", "account", {"password": ACCOUNT_PASSWORD})).status_code == 202

    assert [await link.status(path) for path in paths] == [404] * 5
    assert (await sharing.http.get(playlist)).status_code == 404
