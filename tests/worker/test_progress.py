"""A video's progress is published to its owner at most once a second, and decides what a stopping worker finishes."""

import asyncio
from datetime import timedelta

import pytest

from app.events.service.stream import progress_channel
from app.worker import progress
from app.worker.progress import Encodes, EncodeWatch
from darkroom_shared.events import Progress
from darkroom_shared.times import Clock
from tests.items.sample_videos import in_bulk
from tests.services import ManualClock, Services


class Channel:
    """Records the published messages."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Progress]] = []

    async def publish(self, channel: str, message: bytes) -> None:
        self.published.append((channel, Progress.model_validate_json(message)))


async def watched(services: Services, clock: Clock, duration_seconds: float) -> tuple[Channel, Encodes, EncodeWatch]:
    channel, row = Channel(), await in_bulk(services)
    encodes = Encodes(channel, clock)
    return channel, encodes, EncodeWatch(encodes, row, duration_seconds)


async def test_progress_is_published_to_the_owner_at_a_bounded_rate(
    services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PUBLISH_SECONDS", 60.0)
    channel, _, watch = await watched(services, clock, 100)
    for seconds in range(1, 101):
        await watch.reached(seconds)
    ((name, published),) = channel.published
    assert (name, published.percent) == (progress_channel(services.account), 1.0)


async def test_the_end_is_estimated_from_the_pace_and_never_too_early(
    services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PUBLISH_SECONDS", 0.0)
    channel, _, watch = await watched(services, clock, 100)
    await asyncio.sleep(0.1)
    for seconds in (0.1, 50, 100, 130):
        await watch.reached(seconds)
    published = [each for _, each in channel.published]
    assert [each.percent for each in published] == [0.1, 49.5, 99.0, 99.0]
    assert published[0].ready_at is None, "too early for an estimate"
    assert published[1].ready_at is not None
    assert clock.now + timedelta(seconds=0.1) <= published[1].ready_at <= clock.now + timedelta(seconds=60)
    assert published[3].ready_at == clock.now


async def test_a_video_of_unknown_length_has_no_estimate(services: Services, clock: ManualClock) -> None:
    channel, _, watch = await watched(services, clock, 0.0)
    await watch.reached(3)
    assert [(each.percent, each.ready_at) for _, each in channel.published] == [(0.0, None)]


async def test_an_encode_can_finish_only_if_its_progress_predicts_an_end_in_time(
    services: Services, clock: ManualClock
) -> None:
    row = await in_bulk(services)
    encodes = Encodes(Channel(), clock)
    watch = EncodeWatch(encodes, row, 1000)
    assert not encodes.can_finish(row.item_id, 60), "no progress has been reported yet"
    await asyncio.sleep(0.1)
    await watch.reached(20)
    assert not encodes.can_finish(row.item_id, 1)
    await watch.reached(999)
    assert encodes.can_finish(row.item_id, 1)
    watch.ended()
    assert not encodes.can_finish(row.item_id, 1)
