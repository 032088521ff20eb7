"""The second stage of a video through the service: its lane, deadline, messages, and the end of a lost attempt."""

from app.items.schema.row import Lane
from app.jobs.claim import MAX_LOST_ATTEMPTS
from app.stores.resources import BULK_QUEUE, EXPRESS_QUEUE
from darkroom_shared.items import ItemKind, ItemState
from tests.items.sample_videos import claimed_in_bulk, in_bulk, playable, poster, ready
from tests.items.test_maintenance import messages_about, process
from tests.services import ManualClock, Services

FOUR_HOURS = 4 * 3600.0
BEATS_EVERY_SECONDS = 58
"""Just before the lease lapses."""


async def test_the_second_stage_waits_in_the_bulk_lane_and_is_resent_there(
    services: Services, clock: ManualClock
) -> None:
    row = await in_bulk(services)
    assert (row.lane, await messages_about(services, row, BULK_QUEUE)) == (Lane.BULK, 1)
    await messages_about(services, row)
    clock.advance(minutes=3)
    await process(services, row)
    assert await messages_about(services, row, BULK_QUEUE) == 1
    assert await messages_about(services, row, EXPRESS_QUEUE) == 0


async def test_a_claim_that_is_renewed_lasts_for_hours(services: Services, clock: ManualClock) -> None:
    claimed = await claimed_in_bulk(services, await in_bulk(services, FOUR_HOURS))
    row = await playable(services, claimed)
    for beat in range(130):
        clock.advance(seconds=BEATS_EVERY_SECONDS)
        await services.work.renew(claimed)
        if beat % 50 == 0:
            await process(services, row)
    row = await services.row(row)
    assert (row.state, row.attempt, row.ladder is not None) == (ItemState.PROCESSING, claimed.attempt, True)


async def test_lost_attempts_restart_in_the_second_stage(services: Services, clock: ManualClock) -> None:
    row = await services.queued(b"lost four times and then seen")
    for _ in range(MAX_LOST_ATTEMPTS - 1):
        row = await services.work.record_lost_attempt(await services.work.claim(row.account_id, row.item_id), [])
        clock.advance(minutes=11)
    claimed = await services.work.claim(row.account_id, row.item_id)
    assert claimed.lost_attempts == MAX_LOST_ATTEMPTS - 1
    row = await services.work.hand_off(claimed, ItemKind.VIDEO, poster(claimed.attempt), [])
    assert row.lost_attempts == 0
    assert (await services.work.record_lost_attempt(await claimed_in_bulk(services, row), [])).state is ItemState.QUEUED


async def test_a_lapsed_claim_ends_playback_of_its_segments(services: Services, clock: ManualClock) -> None:
    row = await playable(services, await claimed_in_bulk(services))
    clock.advance(seconds=61)
    await process(services, row)
    row = await services.row(row)
    assert (row.state, row.lane, row.ladder) == (ItemState.QUEUED, Lane.BULK, None)


async def test_a_restored_video_is_playable_if_it_was_ready(services: Services) -> None:
    row = await ready(services, await claimed_in_bulk(services))
    await services.trash.delete(row, None)
    restored = await services.trash.restore(row)
    assert services.representation.to_wire(restored).playable
    assert services.representation.to_wire(restored).playlist_url is not None
