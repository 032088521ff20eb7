"""Playlists over HTTP: access, contents at each stage of encoding, and responses when there is no playlist."""

import base64
import gzip
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.items.schema.keys import rendition_folder
from app.items.schema.row import ItemRow
from app.items.service.delivery import MAX_VIDEO_TIME, OWNER_WINDOW
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_item_id
from tests.api import signed_in
from tests.items.hls_rules import read_main, read_media
from tests.items.sample_videos import WHOLE, claimed_in_bulk, finish, grow, in_bulk, playable, ready
from tests.services import CDN, ManualClock, Services


@pytest.fixture
def http(anonymous_api: httpx.AsyncClient) -> httpx.AsyncClient:
    return anonymous_api


def url_of(services: Services, row: ItemRow) -> str:
    """Return the item's playlist_url, relative to the client's base."""
    url = services.representation.to_wire(row).playlist_url
    assert url is not None
    return url.removeprefix("/v1/")


async def media_urls(http: httpx.AsyncClient, main: str) -> list[str]:
    response = await http.get(main)
    assert response.status_code == 200, response.text
    return [str(response.url.join(uri)) for uri in read_main(response.text)]


async def test_a_growing_playlist_meets_every_rule_at_each_stage(services: Services, http: httpx.AsyncClient) -> None:
    claimed = await claimed_in_bulk(services)
    row = await playable(services, claimed)
    urls = await media_urls(http, url_of(services, row))
    assert [urlsplit(url).path.rpartition("/")[2] for url in urls] == ["360p.m3u8", "720p.m3u8"]
    before = dict.fromkeys(urls, "")
    for segments in (3, 4, WHOLE):
        await grow(services, claimed, segments)
        for url in urls:
            text = (await http.get(url)).text
            media = read_media(text, before[url] or text)
            assert (len(media.segments), media.ended) == (segments, False)
            before[url] = text
    await grow(services, claimed, WHOLE, ended=True)
    for url in urls:
        assert not read_media((await http.get(url)).text, before[url]).ended, "the item is not ready yet"


async def test_the_playlist_of_a_ready_video_is_the_growing_one_with_an_end(
    services: Services, http: httpx.AsyncClient
) -> None:
    claimed = await claimed_in_bulk(services)
    row = await playable(services, claimed)
    urls = await media_urls(http, url_of(services, row))
    before = [(await http.get(url)).text for url in urls]
    await finish(services, claimed)
    for url, text in zip(urls, before, strict=True):
        whole = read_media((await http.get(url)).text, text)
        assert (len(whole.segments), whole.ended) == (WHOLE, True)


async def test_every_url_in_a_playlist_has_the_one_signature_of_its_item(
    services: Services, http: httpx.AsyncClient
) -> None:
    row = await ready(services, await claimed_in_bulk(services))
    folder = f"{CDN}/{rendition_folder(row.account_id, row.item_id)}/"
    uris = [
        uri
        for url in await media_urls(http, url_of(services, row))
        for uri in read_media((await http.get(url)).text).uris
    ]
    assert len(uris) == 2 * (1 + WHOLE)
    assert all(uri.startswith(folder) for uri in uris)
    assert len({urlsplit(uri).query for uri in uris}) == 1
    assert parse_qs(urlsplit(uris[0]).query).keys() == {"Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}


@pytest.mark.parametrize(("duration_seconds", "extra"), [(60.0, timedelta(minutes=2)), (90_000.0, MAX_VIDEO_TIME)])
async def test_a_grant_and_its_signatures_outlive_the_video(
    services: Services, clock: ManualClock, duration_seconds: float, extra: timedelta
) -> None:
    row = await playable(services, await claimed_in_bulk(services, await in_bulk(services, duration_seconds)))
    grant = services.playback.grant(row)
    assert extra + OWNER_WINDOW < grant.ends_at - clock.now <= extra + 2 * OWNER_WINDOW
    clock.advance(hours=2)
    later = await services.playback.media(row, grant, row.attempt, "360p")
    assert f'"AWS:EpochTime":{int(grant.ends_at.timestamp())}' in policy_of(later)


async def test_within_a_window_the_playlist_url_stays_the_same(services: Services) -> None:
    row = await playable(services, await claimed_in_bulk(services))
    assert len({url_of(services, row) for _ in range(3)}) == 1


async def test_an_item_that_is_not_playable_has_no_playlist(services: Services, http: httpx.AsyncClient) -> None:
    claimed = await claimed_in_bulk(services)
    assert services.representation.to_wire(claimed).playlist_url is None
    grant = services.playback._grants.write(services.playback.grant(claimed))
    for path in ("main.m3u8", f"{claimed.attempt}/360p.m3u8"):
        assert (await http.get(f"items/{claimed.item_id}/hls/{path}?grant={grant}")).status_code == 404


async def test_playlists_of_a_lost_attempt_are_gone_and_the_next_attempt_has_new_ones(
    services: Services, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    claimed = await claimed_in_bulk(services)
    row = await playable(services, claimed)
    main = url_of(services, row)
    (old, *_) = await media_urls(http, main)
    row = await services.work.record_lost_attempt(claimed, [])
    assert not services.representation.to_wire(row).playable
    assert (await http.get(old)).status_code == 410
    assert (await http.get(old)).json()["type"] == "urn:darkroom:problem:playlist-gone"
    assert (await http.get(main)).status_code == 404
    clock.advance(seconds=6)
    again = await playable(services, await claimed_in_bulk(services, row))
    assert (await http.get(old)).status_code == 410
    (new, *_) = await media_urls(http, main)
    assert f"/{again.attempt}/" in new
    assert (await http.get(new)).status_code == 200


@pytest.mark.parametrize(
    "path", ["99/360p.m3u8", "0/360p.m3u8", "x/360p.m3u8", "{attempt}/4320p.m3u8", "{attempt}/..%2f360p.m3u8"]
)
async def test_a_playlist_that_never_existed_is_not_found(
    services: Services, http: httpx.AsyncClient, path: str
) -> None:
    row = await playable(services, await claimed_in_bulk(services))
    grant = url_of(services, row).partition("?")[2]
    response = await http.get(f"items/{row.item_id}/hls/{path.format(attempt=row.attempt)}?{grant}")
    assert response.status_code in {404, 422}


async def test_deleting_the_item_ends_its_playlists_immediately(services: Services, http: httpx.AsyncClient) -> None:
    row = await ready(services, await claimed_in_bulk(services))
    urls = [url_of(services, row), *await media_urls(http, url_of(services, row))]
    await services.trash.delete(row, None)
    assert {(await http.get(url)).status_code for url in urls} == {404}


async def test_an_owner_needs_no_grant_and_another_account_has_no_access(
    services: Services, http: httpx.AsyncClient
) -> None:
    owner, other_account = await signed_in(http), await signed_in(http)
    account = AccountId((await http.get("account", headers=owner)).json()["id"])
    row = await playable(replace(services, account=account), await claimed_in_bulk(replace(services, account=account)))
    main, other = f"items/{row.item_id}/hls/main.m3u8", f"items/{new_item_id()}/hls/main.m3u8"
    response = await http.get(main, headers=owner)
    assert response.status_code == 200
    assert all("?grant=" in uri for uri in read_main(response.text))
    assert (await http.get(f"{main}?grant=over", headers=owner)).status_code == 200
    another, absent = await http.get(main, headers=other_account), await http.get(other, headers=other_account)
    assert another.status_code == absent.status_code == 404
    assert another.content == absent.content
    assert (await http.get(main)).status_code == 401
    assert (await http.get(f"{main}?grant=forged")).status_code == 404


async def test_a_playlist_is_compressed_and_revalidated(services: Services, http: httpx.AsyncClient) -> None:
    row = await ready(services, await claimed_in_bulk(services))
    (url, *_) = await media_urls(http, url_of(services, row))
    async with http.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as response:
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
    plain = await http.get(url, headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(raw) == plain.content
    assert (response.headers["content-encoding"], response.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert plain.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert plain.headers["cache-control"] == "private, no-cache"
    again = await http.get(url, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_events_carry_no_playlist_and_no_grant(services: Services) -> None:
    await ready(services, await claimed_in_bulk(services))
    page = await services.base.events.log.read(services.account, 0, limit=100)
    published = [event for event in page.events if event.type in {EventType.ITEM_PLAYABLE, EventType.ITEM_READY}]
    assert [(event.data["playable"], event.data["playlist_url"]) for event in published] == [(True, None)] * 2
    assert "grant=" not in page.model_dump_json()


def policy_of(playlist: str) -> str:
    (policy, *_) = re.findall(r"Policy=([^&\s\"]+)", playlist)
    return base64.b64decode(policy.replace("-", "+").replace("_", "=").replace("~", "/")).decode()
