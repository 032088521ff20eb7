"""The second stage of a video through the service: its lane, its time, its messages, and what its end leaves."""

from app.items.claims import MOST_LOST_ATTEMPTS
from app.items.row import Lane
from app.stores.resources import BULK_QUEUE, EXPRESS_QUEUE
from shared.items import ItemKind, ItemState
from tests.house import House, ManualClock
from tests.items.films import claimed_in_bulk, in_bulk, playable, poster, ready
from tests.items.test_upkeep import attend, messages_about

FOUR_HOURS = 4 * 3600.0
BEATS_EVERY_SECONDS = 45


async def test_the_second_stage_waits_in_the_bulk_lane_and_the_sweeper_sends_it_there_again(
    house: House, clock: ManualClock
) -> None:
    row = await in_bulk(house)
    assert (row.lane, await messages_about(house, row, BULK_QUEUE)) == (Lane.BULK, 1)
    await messages_about(house, row)
    clock.advance(minutes=3)
    await attend(house, row)
    assert await messages_about(house, row, BULK_QUEUE) == 1
    assert await messages_about(house, row, EXPRESS_QUEUE) == 0


async def test_a_claim_that_is_renewed_holds_for_hours(house: House, clock: ManualClock) -> None:
    claimed = await claimed_in_bulk(house, await in_bulk(house, FOUR_HOURS))
    row = await playable(house, claimed)
    for beat in range(200):
        clock.advance(seconds=BEATS_EVERY_SECONDS)
        await house.work.renew(claimed)
        if beat % 50 == 0:
            await attend(house, row)
    row = await house.row(row)
    assert (row.state, row.attempt, row.ladder is not None) == (ItemState.PROCESSING, claimed.attempt, True)


async def test_lost_attempts_are_counted_anew_in_the_second_stage(house: House, clock: ManualClock) -> None:
    row = await house.queued(b"lost four times and then seen")
    for _ in range(MOST_LOST_ATTEMPTS - 1):
        row = await house.work.lose(await house.work.claim(row.account_id, row.item_id), [])
        clock.advance(minutes=11)
    claimed = await house.work.claim(row.account_id, row.item_id)
    assert claimed.lost_attempts == MOST_LOST_ATTEMPTS - 1
    row = await house.work.pass_on(claimed, ItemKind.VIDEO, poster(claimed.attempt), [])
    assert row.lost_attempts == 0
    assert (await house.work.lose(await claimed_in_bulk(house, row), [])).state is ItemState.QUEUED


async def test_a_lapsed_claim_takes_what_was_playable_with_it(house: House, clock: ManualClock) -> None:
    row = await playable(house, await claimed_in_bulk(house))
    clock.advance(seconds=61)
    await attend(house, row)
    row = await house.row(row)
    assert (row.state, row.lane, row.ladder) == (ItemState.QUEUED, Lane.BULK, None)


async def test_a_deleted_video_comes_back_playable_if_it_was_ready(house: House) -> None:
    row = await ready(house, await claimed_in_bulk(house))
    await house.trash.delete(row, None)
    restored = await house.trash.restore(row)
    assert house.items.shown(restored).playable
    assert house.items.shown(restored).playlist_url is not None
