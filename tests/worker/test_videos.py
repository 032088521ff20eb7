"""A video's two stages: their results, and the state of the item during the second one."""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import pytest

from app.items.schema.keys import original_key, rendition_folder
from app.items.schema.row import ItemRow, Lane
from app.jobs.claim import MAX_LOST_ATTEMPTS
from app.media.sandbox.children import Job
from app.stores.s3_parts import Absent
from darkroom_shared.events import EventType
from darkroom_shared.items import FailureCode, ItemKind, ItemState
from darkroom_shared.problems import PlaylistGone, Unavailable
from tests.items.hls_rules import read_main, read_media
from tests.services import ManualClock, Services
from tests.worker.harness import PLENTY_SECONDS, WorkerHarness, runs
from tests.worker.sample_videos import a_video

POSTER = ["large", "fallback", "medium", "small"]
GONE_SECONDS = 10.0
"""Sooner than the next heartbeat, which comes after 15 s; the drills test the promised 2 s."""


@pytest.fixture
async def probed(harness: WorkerHarness) -> ItemRow:
    """A video of half a minute after its first stage."""
    return await harness.handle(await harness.services.queued(await asyncio.to_thread(a_video, seconds=30)))


async def published_events(services: Services) -> list[EventType]:
    page = await services.base.events.log.read(services.account, 0, limit=100)
    return [event.type for event in page.events]


async def made_by(services: Services, row: ItemRow) -> set[int]:
    """Return the attempts that have files in S3."""
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return {int(stored.key.split("/")[4]) async for stored in services.base.amazon.objects.list_objects(folder)}


async def test_the_first_stage_makes_poster_and_facts_and_the_second_one_the_rest(harness: WorkerHarness) -> None:
    services = harness.services
    row = await harness.handle(await services.queued(await asyncio.to_thread(a_video, seconds=7)))
    assert (row.state, row.lane, row.kind) == (ItemState.QUEUED, Lane.BULK, ItemKind.VIDEO)
    item = services.representation.to_wire(row)
    assert (item.width, item.height, item.playable, item.playlist_url) == (320, 180, False, None)
    assert item.duration_seconds == pytest.approx(7, abs=0.1)
    assert item.placeholder is not None
    assert [each.name for each in item.renditions] == POSTER
    row = await harness.make(row)
    item = services.representation.to_wire(row)
    assert (row.state, item.playable) == (ItemState.READY, True)
    assert [each.name for each in item.renditions] == [*POSTER, "video", "storyboard", "storyboard_track"]
    events = [EventType.ITEM_CREATED, EventType.ITEM_UPDATED, EventType.ITEM_PLAYABLE, EventType.ITEM_READY]
    assert await published_events(services) == events
    assert not list(harness.scratch.iterdir())


async def test_a_real_ladder_meets_every_rule_while_growing_and_states_its_bandwidth(
    harness: WorkerHarness, probed: ItemRow
) -> None:
    services, seen, lengths = harness.services, "", set()
    attempt = asyncio.create_task(harness.make(probed))
    while not attempt.done():
        row = await services.row(probed)
        if row.ladder is not None:
            grant, rung = services.playback.grant(row), row.ladder.rungs[0].name
            text = await services.playback.media(row, grant, row.attempt, rung)
            media = read_media(text, seen or text)
            assert {urlsplit(uri).path.rpartition("/")[2] for uri in media.uris} <= await files_of(services, row)
            lengths.add(len(media.segments))
            seen = text
        await asyncio.sleep(0.02)
    row = await attempt
    whole = read_media(await services.playback.media(row, services.playback.grant(row), row.attempt, "180p"), seen)
    assert whole.ended
    assert len(whole.segments) == 15
    assert min(lengths) >= 3
    (stream,) = read_main(services.playback.main(row, services.playback.grant(row))).values()
    assert stream["resolution"] == (320, 180)
    sizes = await segment_sizes(services, row)
    peak = max(size * 8 / 2 for size in sizes)
    assert peak * 0.9 <= float(str(stream["bandwidth"])) <= peak * 1.1
    assert float(str(stream["average_bandwidth"])) <= float(str(stream["bandwidth"]))


async def files_of(services: Services, row: ItemRow) -> set[str]:
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return {each.key.rpartition("/")[2] async for each in services.base.amazon.objects.list_objects(folder)}


async def segment_sizes(services: Services, row: ItemRow) -> list[int]:
    folder = rendition_folder(row.account_id, row.item_id) + "/"
    return [each.size_bytes async for each in services.base.amazon.objects.list_objects(folder) if ".m4s" in each.key]


@pytest.mark.parametrize("end", ["cancel", "delete"])
async def test_cancelling_or_deleting_a_video_ends_its_encoder(
    harness: WorkerHarness, probed: ItemRow, end: str
) -> None:
    attempt, encoder = await harness.hang_encoder(probed)
    if end == "cancel":
        await harness.services.item_actions.cancel(probed)
    else:
        await harness.services.trash.delete(probed, None)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    assert not runs(encoder)
    assert not list(harness.scratch.iterdir())
    ended = await harness.services.row(probed)
    assert (ended.ladder, ended.result, ended.lane) == (None, None, Lane.EXPRESS)


async def test_a_cancelled_video_restarts_with_its_first_stage(harness: WorkerHarness, probed: ItemRow) -> None:
    await harness.services.item_actions.cancel(probed)
    row = await harness.services.item_actions.retry(probed, None)
    assert (row.lane, (await harness.make(row)).attempt) == (Lane.EXPRESS, 1)
    row = await harness.make(await harness.handle(row))
    assert row.state is ItemState.READY


async def test_a_stopping_worker_returns_a_video_without_counting_an_attempt(
    harness: WorkerHarness, probed: ItemRow
) -> None:
    attempt, encoder = await harness.hang_encoder(probed)
    attempt.cancel()
    await asyncio.wait({attempt})
    row = await harness.services.row(probed)
    assert (row.state, row.lane, row.lost_attempts) == (ItemState.QUEUED, Lane.BULK, 0)
    assert not runs(encoder)
    assert not list(harness.scratch.iterdir())
    assert (await harness.make(row)).state is ItemState.READY


async def test_a_killed_encode_restarts_and_its_playlists_are_gone(
    harness: WorkerHarness, probed: ItemRow, clock: ManualClock
) -> None:
    services = harness.services
    attempt, encoder = await harness.hang_encoder(probed, after="180p_00005.m4s")
    playing = await playable(services, probed)
    os.kill(encoder, signal.SIGKILL)
    await attempt
    row = await services.row(probed)
    assert (row.state, row.lost_attempts, row.ladder) == (ItemState.QUEUED, 1, None)
    with pytest.raises(PlaylistGone):
        await services.playback.media(row, services.playback.grant(row), playing.attempt, "180p")
    clock.advance(seconds=6)
    row = await harness.make(row)
    assert (row.state, row.attempt) == (ItemState.READY, 3)
    assert (await published_events(services)).count(EventType.ITEM_PLAYABLE) == 2
    assert (await published_events(services)).count(EventType.ITEM_READY) == 1
    assert await made_by(services, row) == {1, 2, 3}
    clock.advance(minutes=5)
    await services.maintenance.process(row.account_id, row.item_id)
    assert await made_by(services, row) == {1, 3}, "the poster is the first attempt's, the ladder the third's"
    await services.playback.media(row, services.playback.grant(row), row.attempt, "180p")


async def playable(services: Services, row: ItemRow) -> ItemRow:
    async with asyncio.timeout(PLENTY_SECONDS):
        while (current := await services.row(row)).ladder is None:  # noqa: ASYNC110  no event of a row
            await asyncio.sleep(0.005)
        return current


async def test_a_failing_upload_does_not_replace_the_crash_of_the_encoder(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await harness.handle(await harness.services.queued(await asyncio.to_thread(a_video, seconds=10)))
    children, uploading, emptying = harness.decoders._children, asyncio.Event(), asyncio.Event()
    end = children.end

    async def end_slowly(*jobs: Job) -> None:
        await end(*jobs)
        if uploading.is_set():  # not the probe's child
            emptying.set()
            await asyncio.sleep(0.05)

    async def fail_meanwhile(*_arguments: object, **_named: object) -> int:
        uploading.set()
        await emptying.wait()
        raise Unavailable

    monkeypatch.setattr(children, "end", end_slowly)
    monkeypatch.setattr(harness.services.base.amazon.objects, "upload_small_file", fail_meanwhile)
    attempt, encoder = await harness.hang_encoder(row, after="180p_00001.m4s")
    async with asyncio.timeout(PLENTY_SECONDS):
        await uploading.wait()
    os.kill(encoder, signal.SIGKILL)
    await attempt
    row = await harness.services.row(row)
    assert (row.state, row.lost_attempts) == (ItemState.QUEUED, 1)


async def test_a_video_that_kills_five_encoders_is_poisoned_and_its_poster_stays(
    harness: WorkerHarness, probed: ItemRow, clock: ManualClock
) -> None:
    row = probed
    for missing in range(1, MAX_LOST_ATTEMPTS + 1):
        clock.advance(minutes=10)
        attempt, encoder = await harness.hang_encoder(row)
        os.kill(encoder, signal.SIGKILL)
        await attempt
        row = await harness.services.row(row)
        assert (row.lost_attempts, row.attempt) == (missing, missing + 1)
    assert row.failure is not None
    assert (row.state, row.failure.code) == (ItemState.FAILED, FailureCode.POISONED)
    assert [each.name for each in harness.services.representation.to_wire(row).renditions] == POSTER
    (crash_report,) = await harness.crash_reports(row)
    assert crash_report["capsule"]["signal"] == "SIGKILL"
    again = await harness.services.item_actions.retry(row, None)
    assert (again.lane, again.lost_attempts) == (Lane.BULK, 0)
    assert (await harness.make(again)).state is ItemState.READY


async def test_the_deadline_grows_with_the_videos_duration(
    harness: WorkerHarness, probed: ItemRow, clock: ManualClock
) -> None:
    attempt, _ = await harness.hang_encoder(probed)
    row = await harness.services.row(probed)
    assert row.deadline is not None
    assert (row.deadline - clock.now).total_seconds() == pytest.approx(600 + 30 * 30, abs=5)
    clock.now = row.deadline
    await harness.services.maintenance.process(row.account_id, row.item_id)
    async with asyncio.timeout(GONE_SECONDS):
        await attempt
    failed = await harness.services.row(row)
    assert failed.failure is not None
    assert failed.failure.code is FailureCode.DEADLINE


async def test_a_video_without_its_original_fails_with_a_reason(harness: WorkerHarness, probed: ItemRow) -> None:
    key = original_key(probed.account_id, probed.item_id)
    await harness.services.base.amazon.objects.delete([key])
    with pytest.raises(Absent):
        await harness.services.base.amazon.objects.read(key)
    row = await harness.make(probed)
    assert row.failure is not None
    assert row.failure.code is FailureCode.ORIGINAL_MISSING


async def test_a_message_in_the_wrong_lane_changes_nothing(harness: WorkerHarness, probed: ItemRow) -> None:
    assert await harness.handle(probed) == probed
