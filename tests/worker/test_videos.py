"""A video's two stages: what is there after each, and what every moment of the second one shows."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.items.claims import MOST_LOST_ATTEMPTS
from app.items.keys import original_key, rendition_folder
from app.items.row import ItemRow, Lane
from app.stores.s3_parts import Absent
from shared.events import EventType
from shared.items import FailureCode, ItemKind, ItemState
from shared.problems import PlaylistGone
from tests.house import House, ManualClock
from tests.items.hls_rules import read_main, read_media
from tests.worker.bench import PLENTY_SECONDS, Bench, runs
from tests.worker.films import a_film

POSTER = ["large", "fallback", "medium", "small"]
GONE_SECONDS = 10.0
"""Sooner than the next heartbeat, which comes after 15 s; the drills measure it against the 2 s that are promised."""


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture
async def looked_at(bench: Bench, films: Path) -> ItemRow:
    """A video of a minute, after its first stage."""
    return await bench.handle(await bench.house.queued(await asyncio.to_thread(a_film, films, seconds=60)))


async def told(house: House) -> list[EventType]:
    page = await house.base.events.log.read(house.account, 0, limit=100)
    return [event.type for event in page.events]


async def made_by(house: House, row: ItemRow) -> set[int]:
    """The attempts that have files in S3."""
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return {int(found.key.split("/")[4]) async for found in house.base.amazon.objects.list_objects(folder)}


async def test_the_first_stage_leaves_poster_and_facts_and_the_second_one_the_rest(bench: Bench, films: Path) -> None:
    house = bench.house
    row = await bench.handle(await house.queued(await asyncio.to_thread(a_film, films, seconds=7)))
    assert (row.state, row.lane, row.kind) == (ItemState.QUEUED, Lane.BULK, ItemKind.VIDEO)
    item = house.items.shown(row)
    assert (item.width, item.height, item.playable, item.playlist_url) == (320, 180, False, None)
    assert item.duration_seconds == pytest.approx(7, abs=0.1)
    assert item.placeholder is not None
    assert [each.name for each in item.renditions] == POSTER
    row = await bench.make(row)
    item = house.items.shown(row)
    assert (row.state, item.playable) == (ItemState.READY, True)
    assert [each.name for each in item.renditions] == [*POSTER, "video", "storyboard", "storyboard_track"]
    events = [EventType.ITEM_CREATED, EventType.ITEM_UPDATED, EventType.ITEM_PLAYABLE, EventType.ITEM_READY]
    assert await told(house) == events
    assert not list(bench.scratch.iterdir())


async def test_a_real_ladder_keeps_every_rule_while_it_grows_and_says_its_bandwidth(
    bench: Bench, looked_at: ItemRow
) -> None:
    house, seen, lengths = bench.house, "", set()
    attempt = asyncio.create_task(bench.make(looked_at))
    while not attempt.done():
        row = await house.row(looked_at)
        if row.ladder is not None:
            grant, rung = house.playback.grant(row), row.ladder.rungs[0].name
            text = await house.playback.media(row, grant, row.attempt, rung)
            media = read_media(text, seen or text)
            assert {urlsplit(uri).path.rpartition("/")[2] for uri in media.uris} <= await files_of(house, row)
            lengths.add(len(media.segments))
            seen = text
        await asyncio.sleep(0.02)
    row = await attempt
    whole = read_media(await house.playback.media(row, house.playback.grant(row), row.attempt, "180p"), seen)
    assert whole.ended
    assert len(whole.segments) == 30
    assert min(lengths) >= 3
    (stream,) = read_main(house.playback.main(row, house.playback.grant(row))).values()
    assert stream["resolution"] == (320, 180)
    sizes = await segment_sizes(house, row)
    peak = max(size * 8 / 2 for size in sizes)
    assert peak * 0.9 <= float(str(stream["bandwidth"])) <= peak * 1.1
    assert float(str(stream["average_bandwidth"])) <= float(str(stream["bandwidth"]))


async def files_of(house: House, row: ItemRow) -> set[str]:
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return {each.key.rpartition("/")[2] async for each in house.base.amazon.objects.list_objects(folder)}


async def segment_sizes(house: House, row: ItemRow) -> list[int]:
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return [each.size_bytes async for each in house.base.amazon.objects.list_objects(folder) if ".m4s" in each.key]


@pytest.mark.parametrize("end", ["cancel", "delete"])
async def test_who_ends_a_video_in_the_making_ends_its_encoder(bench: Bench, looked_at: ItemRow, end: str) -> None:
    attempt, encoder = await bench.hang_encoder(looked_at)
    if end == "cancel":
        await bench.house.items.cancel(looked_at)
    else:
        await bench.house.trash.delete(looked_at, None)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    assert not runs(encoder)
    assert not list(bench.scratch.iterdir())
    ended = await bench.house.row(looked_at)
    assert (ended.ladder, ended.result, ended.lane) == (None, None, Lane.EXPRESS)


async def test_a_cancelled_video_begins_anew_with_its_first_stage(bench: Bench, looked_at: ItemRow) -> None:
    await bench.house.items.cancel(looked_at)
    row = await bench.house.items.retry(looked_at, None)
    assert (row.lane, (await bench.make(row)).attempt) == (Lane.EXPRESS, 1)
    row = await bench.make(await bench.handle(row))
    assert row.state is ItemState.READY


async def test_a_stopping_worker_gives_a_video_back_for_nothing(bench: Bench, looked_at: ItemRow) -> None:
    attempt, encoder = await bench.hang_encoder(looked_at)
    attempt.cancel()
    await asyncio.wait({attempt})
    row = await bench.house.row(looked_at)
    assert (row.state, row.lane, row.lost_attempts) == (ItemState.QUEUED, Lane.BULK, 0)
    assert not runs(encoder)
    assert not list(bench.scratch.iterdir())
    assert (await bench.make(row)).state is ItemState.READY


async def test_a_killed_encode_is_begun_anew_and_what_was_playable_is_gone_until_then(
    bench: Bench, looked_at: ItemRow, clock: ManualClock
) -> None:
    house = bench.house
    attempt, encoder = await bench.hang_encoder(looked_at, after="180p_00005.m4s")
    playing = await playable(house, looked_at)
    os.kill(encoder, signal.SIGKILL)
    await attempt
    row = await house.row(looked_at)
    assert (row.state, row.lost_attempts, row.ladder) == (ItemState.QUEUED, 1, None)
    with pytest.raises(PlaylistGone):
        await house.playback.media(row, house.playback.grant(row), playing.attempt, "180p")
    clock.advance(seconds=6)
    row = await bench.make(row)
    assert (row.state, row.attempt) == (ItemState.READY, 3)
    assert (await told(house)).count(EventType.ITEM_PLAYABLE) == 2
    assert (await told(house)).count(EventType.ITEM_READY) == 1
    assert await made_by(house, row) == {1, 2, 3}
    clock.advance(minutes=5)
    await house.upkeep.attend(row.account_id, row.item_id)
    assert await made_by(house, row) == {1, 3}, "the poster is the first attempt's, the ladder the third's"
    await house.playback.media(row, house.playback.grant(row), row.attempt, "180p")


async def playable(house: House, row: ItemRow) -> ItemRow:
    async with asyncio.timeout(PLENTY_SECONDS):
        while (current := await house.row(row)).ladder is None:  # noqa: ASYNC110  a row wakes no event
            await asyncio.sleep(0.005)
        return current


async def test_a_film_that_kills_five_encoders_is_poisoned_and_keeps_its_poster(
    bench: Bench, looked_at: ItemRow, clock: ManualClock
) -> None:
    row = looked_at
    for lost in range(1, MOST_LOST_ATTEMPTS + 1):
        clock.advance(minutes=10)
        attempt, encoder = await bench.hang_encoder(row)
        os.kill(encoder, signal.SIGKILL)
        await attempt
        row = await bench.house.row(row)
        assert (row.lost_attempts, row.attempt) == (lost, lost + 1)
    assert row.failure is not None
    assert (row.state, row.failure.code) == (ItemState.FAILED, FailureCode.POISONED)
    assert [each.name for each in bench.house.items.shown(row).renditions] == POSTER
    (capsule,) = await bench.capsules(row)
    assert capsule["capsule"]["signal"] == "SIGKILL"
    again = await bench.house.items.retry(row, None)
    assert (again.lane, again.lost_attempts) == (Lane.BULK, 0)
    assert (await bench.make(again)).state is ItemState.READY


async def test_a_video_may_take_longer_the_longer_it_is(bench: Bench, looked_at: ItemRow, clock: ManualClock) -> None:
    attempt, _ = await bench.hang_encoder(looked_at)
    row = await bench.house.row(looked_at)
    assert row.deadline is not None
    assert (row.deadline - clock.now).total_seconds() == pytest.approx(600 + 30 * 60, abs=5)
    clock.now = row.deadline
    await bench.house.upkeep.attend(row.account_id, row.item_id)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    failed = await bench.house.row(row)
    assert failed.failure is not None
    assert failed.failure.code is FailureCode.DEADLINE


async def test_a_video_whose_original_is_gone_fails_and_says_so(bench: Bench, looked_at: ItemRow) -> None:
    key = original_key(looked_at.account_id, looked_at.item_id)
    await bench.house.base.amazon.objects.delete([key])
    with pytest.raises(Absent):
        await bench.house.base.amazon.objects.read(key)
    row = await bench.make(looked_at)
    assert row.failure is not None
    assert row.failure.code is FailureCode.ORIGINAL_MISSING


async def test_a_message_in_the_wrong_lane_changes_nothing(bench: Bench, looked_at: ItemRow) -> None:
    assert await bench.handle(looked_at) == looked_at
