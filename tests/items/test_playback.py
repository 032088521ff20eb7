"""Playlists over HTTP: who gets them, what they hold at each moment, and when there are none (any more)."""

import base64
import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.items.delivery import MOST_FILM_TIME, OWNER_WINDOW
from app.items.keys import rendition_folder
from app.items.row import ItemRow
from app.settings import Registration
from shared.events import EventType
from shared.ids import AccountId, new_item_id
from tests.api import open_api, signed_in
from tests.house import CDN, House, ManualClock, Stores
from tests.items.films import WHOLE, claimed_in_bulk, finish, grow, in_bulk, playable, ready
from tests.items.hls_rules import read_main, read_media


@pytest.fixture
async def http(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody is signed in."""
    async with open_api(stores.settings(registration=Registration.OPEN)) as client:
        yield client


def url_of(house: House, row: ItemRow) -> str:
    """The item's playlist_url, relative to the client's base."""
    url = house.items.shown(row).playlist_url
    assert url is not None
    return url.removeprefix("/v1/")


async def media_urls(http: httpx.AsyncClient, main: str) -> list[str]:
    answer = await http.get(main)
    assert answer.status_code == 200, answer.text
    return [str(answer.url.join(uri)) for uri in read_main(answer.text)]


async def test_a_growing_playlist_keeps_every_rule_at_each_moment(house: House, http: httpx.AsyncClient) -> None:
    claimed = await claimed_in_bulk(house)
    row = await playable(house, claimed)
    urls = await media_urls(http, url_of(house, row))
    assert [urlsplit(url).path.rpartition("/")[2] for url in urls] == ["360p.m3u8", "720p.m3u8"]
    before = dict.fromkeys(urls, "")
    for segments in (3, 4, WHOLE):
        await grow(house, claimed, segments)
        for url in urls:
            text = (await http.get(url)).text
            media = read_media(text, before[url] or text)
            assert (len(media.segments), media.ended) == (segments, False)
            before[url] = text
    await grow(house, claimed, WHOLE, ended=True)
    for url in urls:
        assert not read_media((await http.get(url)).text, before[url]).ended, "the item is not ready yet"


async def test_the_list_of_a_ready_video_is_the_growing_one_with_an_end(house: House, http: httpx.AsyncClient) -> None:
    claimed = await claimed_in_bulk(house)
    row = await playable(house, claimed)
    urls = await media_urls(http, url_of(house, row))
    before = [(await http.get(url)).text for url in urls]
    await finish(house, claimed)
    for url, text in zip(urls, before, strict=True):
        whole = read_media((await http.get(url)).text, text)
        assert (len(whole.segments), whole.ended) == (WHOLE, True)


async def test_every_address_in_a_playlist_carries_the_one_signature_of_its_item(
    house: House, http: httpx.AsyncClient
) -> None:
    row = await ready(house, await claimed_in_bulk(house))
    folder = f"{CDN}/{rendition_folder(row.account_id, row.item_id)}/"
    uris = [
        uri for url in await media_urls(http, url_of(house, row)) for uri in read_media((await http.get(url)).text).uris
    ]
    assert len(uris) == 2 * (1 + WHOLE)
    assert all(uri.startswith(folder) for uri in uris)
    assert len({urlsplit(uri).query for uri in uris}) == 1
    assert parse_qs(urlsplit(uris[0]).query).keys() == {"Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}


@pytest.mark.parametrize(("duration_seconds", "extra"), [(60.0, timedelta(minutes=2)), (90_000.0, MOST_FILM_TIME)])
async def test_a_grant_and_its_signatures_live_long_enough_to_see_the_film_to_its_end(
    house: House, clock: ManualClock, duration_seconds: float, extra: timedelta
) -> None:
    row = await playable(house, await claimed_in_bulk(house, await in_bulk(house, duration_seconds)))
    grant = house.playback.grant(row)
    assert extra + OWNER_WINDOW < grant.ends_at - clock.now <= extra + 2 * OWNER_WINDOW
    clock.advance(hours=2)
    later = await house.playback.media(row, grant, row.attempt, "360p")
    assert f'"AWS:EpochTime":{int(grant.ends_at.timestamp())}' in policy_of(later)


async def test_within_a_window_the_address_stays_the_same(house: House) -> None:
    row = await playable(house, await claimed_in_bulk(house))
    assert len({url_of(house, row) for _ in range(3)}) == 1


async def test_before_it_can_be_played_there_is_no_playlist(house: House, http: httpx.AsyncClient) -> None:
    claimed = await claimed_in_bulk(house)
    assert house.items.shown(claimed).playlist_url is None
    grant = house.playback._grants.write(house.playback.grant(claimed))
    for path in ("main.m3u8", f"{claimed.attempt}/360p.m3u8"):
        assert (await http.get(f"items/{claimed.item_id}/hls/{path}?grant={grant}")).status_code == 404


async def test_the_playlists_of_a_lost_attempt_are_gone_and_the_next_ones_are_new(
    house: House, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    claimed = await claimed_in_bulk(house)
    row = await playable(house, claimed)
    main = url_of(house, row)
    (old, *_) = await media_urls(http, main)
    row = await house.work.lose(claimed, [])
    assert not house.items.shown(row).playable
    assert (await http.get(old)).status_code == 410
    assert (await http.get(old)).json()["type"] == "urn:darkroom:problem:playlist-gone"
    assert (await http.get(main)).status_code == 404
    clock.advance(seconds=6)
    again = await playable(house, await claimed_in_bulk(house, row))
    assert (await http.get(old)).status_code == 410
    (new, *_) = await media_urls(http, main)
    assert f"/{again.attempt}/" in new
    assert (await http.get(new)).status_code == 200


@pytest.mark.parametrize(
    "path", ["99/360p.m3u8", "0/360p.m3u8", "x/360p.m3u8", "{attempt}/4320p.m3u8", "{attempt}/..%2f360p.m3u8"]
)
async def test_what_never_was_is_not_found(house: House, http: httpx.AsyncClient, path: str) -> None:
    row = await playable(house, await claimed_in_bulk(house))
    grant = url_of(house, row).partition("?")[2]
    answer = await http.get(f"items/{row.item_id}/hls/{path.format(attempt=row.attempt)}?{grant}")
    assert answer.status_code in {404, 422}


async def test_deleting_the_item_ends_its_playlists_at_once(house: House, http: httpx.AsyncClient) -> None:
    row = await ready(house, await claimed_in_bulk(house))
    urls = [url_of(house, row), *await media_urls(http, url_of(house, row))]
    await house.trash.delete(row, None)
    assert {(await http.get(url)).status_code for url in urls} == {404}


async def test_owners_need_no_grant_and_others_have_none(house: House, http: httpx.AsyncClient) -> None:
    owner, stranger = await signed_in(http), await signed_in(http)
    account = AccountId((await http.get("account", headers=owner)).json()["id"])
    row = await playable(replace(house, account=account), await claimed_in_bulk(replace(house, account=account)))
    main, other = f"items/{row.item_id}/hls/main.m3u8", f"items/{new_item_id()}/hls/main.m3u8"
    answer = await http.get(main, headers=owner)
    assert answer.status_code == 200
    assert all("?grant=" in uri for uri in read_main(answer.text))
    assert (await http.get(f"{main}?grant=over", headers=owner)).status_code == 200
    foreign, absent = await http.get(main, headers=stranger), await http.get(other, headers=stranger)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content
    assert (await http.get(main)).status_code == 401
    assert (await http.get(f"{main}?grant=forged")).status_code == 404


async def test_a_playlist_is_compressed_and_asked_for_again(house: House, http: httpx.AsyncClient) -> None:
    row = await ready(house, await claimed_in_bulk(house))
    (url, *_) = await media_urls(http, url_of(house, row))
    async with http.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    plain = await http.get(url, headers={"Accept-Encoding": "identity"})
    assert gzip.decompress(raw) == plain.content
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert plain.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert plain.headers["cache-control"] == "private, no-cache"
    again = await http.get(url, headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_events_carry_no_playlist_and_no_grant(house: House) -> None:
    await ready(house, await claimed_in_bulk(house))
    page = await house.base.events.log.read(house.account, 0, limit=100)
    told = [event for event in page.events if event.type in {EventType.ITEM_PLAYABLE, EventType.ITEM_READY}]
    assert [(event.data["playable"], event.data["playlist_url"]) for event in told] == [(True, None)] * 2
    assert "grant=" not in page.model_dump_json()


def policy_of(playlist: str) -> str:
    (policy, *_) = re.findall(r"Policy=([^&\s\"]+)", playlist)
    return base64.b64decode(policy.replace("-", "+").replace("_", "=").replace("~", "/")).decode()
