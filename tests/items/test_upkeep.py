"""What the sweeper heals: messages that were never sent, claims that lapsed, files that lost, uploads given up."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from app.items import store
from app.items.claims import POISONED
from app.items.keys import original_key, rendition_key
from app.items.lifecycle import UPLOAD_LIMIT
from app.items.row import ItemRow, Lane, Result
from app.stores.resources import EXPRESS_QUEUE, shard_of
from shared.ids import ItemId, new_ulid
from shared.items import ItemKind, ItemState
from tests.house import House, ManualClock

RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())


async def messages_about(house: House, row: ItemRow, queue: str = EXPRESS_QUEUE) -> int:
    """Takes what the lane holds; other tests' messages count for nothing."""
    found = 0
    while messages := await house.base.amazon.queues.receive(queue, most=10, wait_seconds=0):
        for message in messages:
            found += message.body.get("item_id") == row.item_id
            await house.base.amazon.queues.delete(queue, message.receipt_handle)
    return found


async def attend(house: House, row: ItemRow) -> ItemRow | None:
    return await house.upkeep.attend(row.account_id, row.item_id)


async def keys_of(house: House, row: ItemRow) -> list[str]:
    found = []
    for folder in ("originals", "renditions"):
        prefix = f"{folder}/{row.account_id}/{row.item_id}"
        found += [each.key async for each in house.base.amazon.objects.list_objects(prefix)]
    return found


async def put_rendition(house: House, row: ItemRow, attempt: int, folder: Path) -> str:
    file = folder / "small.webp"
    file.write_bytes(b"rendition")
    key = rendition_key(row.account_id, row.item_id, "recipe", attempt, "small.webp")
    digest = sha256(b"rendition").hexdigest()
    await house.base.amazon.objects.upload(
        key, file, size_bytes=9, content_type="image/webp", sha256_hex=digest, cache_control="private"
    )
    return key


async def test_a_message_that_was_never_sent_is_sent_and_one_that_got_lost_again_ever_more_rarely(
    house: House, clock: ManualClock
) -> None:
    row = await house.queued(b"a photo")
    assert await messages_about(house, row) == 1
    sent_after = []
    for minute in range(40):
        await attend(house, row)
        if await messages_about(house, row):
            sent_after.append(minute)
        clock.advance(minutes=1)
    assert sent_after == [2, 6, 14, 30]


async def test_what_was_sent_to_a_queue_before_that_was_made_is_sent_again_once(
    house: House, clock: ManualClock
) -> None:
    row = await house.queued(b"sent before a restart")
    assert await messages_about(house, row) == 1
    clock.advance(seconds=10)
    made = dict.fromkeys(Lane, clock())
    for expected in (1, 0):
        await house.upkeep.resend_lost(int(shard_of(row.item_id)), made)
        assert await messages_about(house, row) == expected
    assert (await house.row(row)).sent_at == clock()


async def test_every_page_of_what_is_due_is_read(
    house: House, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_PER_PAGE", 2)
    shard, wanted = "07", set[ItemId]()
    while len(wanted) < 5:
        row, _ = await house.create(new_ulid().encode())
        if shard_of(row.item_id) == shard:
            wanted.add(row.item_id)
    pages = [page async for page in house.base.items.store.all_due(shard, clock() + UPLOAD_LIMIT)]
    assert wanted <= {item for page in pages for _, item in page}
    assert max(map(len, pages)) == 2


async def test_a_lapsed_claim_goes_back_to_the_queue_and_the_fifth_time_ends_as_poisoned(
    house: House, clock: ManualClock
) -> None:
    row = await house.queued(b"a poison")
    for lost in range(1, 5):
        await house.work.claim(row.account_id, row.item_id)
        clock.advance(seconds=61)
        assert await attend(house, row) is None
        current = await house.row(row)
        assert (current.state, current.lost_attempts) == (ItemState.QUEUED, lost)
        clock.advance(minutes=10)
    await house.work.claim(row.account_id, row.item_id)
    clock.advance(seconds=61)
    poisoned = await attend(house, row)
    assert poisoned is not None
    assert (poisoned.state, poisoned.failure, poisoned.attempt) == (ItemState.FAILED, POISONED, 5)


async def test_a_lapsed_claim_is_sent_again_at_once_and_not_by_the_next_sweeper(
    house: House, clock: ManualClock
) -> None:
    row = await house.queued(b"a worker died")
    await house.work.claim(row.account_id, row.item_id)
    clock.advance(seconds=61)
    await attend(house, row)
    sent = await house.row(row)
    assert (sent.state, sent.sends, sent.sent_at) == (ItemState.QUEUED, 1, clock())
    clock.advance(minutes=1)
    await attend(house, row)
    assert await house.row(row) == sent


async def test_what_lost_attempts_left_is_removed_and_what_counts_stays(
    house: House, clock: ManualClock, tmp_path: Path
) -> None:
    row = await house.queued(b"twice tried")
    await house.work.claim(row.account_id, row.item_id)
    await put_rendition(house, row, 1, tmp_path)
    clock.advance(seconds=61)
    await attend(house, row)
    clock.advance(seconds=6)
    claimed = await house.work.claim(row.account_id, row.item_id)
    counts = await put_rendition(house, row, 2, tmp_path)
    await house.work.finish(claimed, ItemKind.IMAGE, replace(RESULT, attempt=2), [])
    clock.advance(minutes=2)
    await attend(house, row)
    assert await keys_of(house, row) == [original_key(row.account_id, row.item_id), counts]
    assert (await house.row(row)).due_at is None


async def test_a_cancelled_item_keeps_its_original_for_a_day_and_then_nothing(house: House, clock: ManualClock) -> None:
    row = await house.queued(b"cancelled")
    await house.items.cancel(row)
    clock.advance(hours=23)
    await attend(house, row)
    assert await keys_of(house, row) == [original_key(row.account_id, row.item_id)]
    clock.advance(hours=2)
    await attend(house, row)
    assert await keys_of(house, row) == []


async def test_an_upload_that_was_given_up_expires_and_leaves_nothing(house: House, clock: ManualClock) -> None:
    row, upload = await house.create(b"given up")
    assert (await house.put(upload, b"given up")).status_code == 200
    clock.advance(hours=25)
    await attend(house, row)
    await attend(house, row)
    assert (await house.row(row)).state is ItemState.EXPIRED
    assert await keys_of(house, row) == []


@pytest.mark.parametrize("permanently", [None, False, True])
async def test_bytes_that_come_after_an_upload_was_given_up_are_removed_too(
    house: House, clock: ManualClock, permanently: bool | None
) -> None:
    row, upload = await house.create(b"too late")
    if permanently is None:
        await house.items.cancel(row)
    else:
        await house.trash.delete(row, None, permanently=permanently)
    await attend(house, row)
    assert (await house.put(upload, b"too late")).status_code == 200
    clock.advance(hours=26)
    await attend(house, row)
    assert await keys_of(house, row) == []


async def test_an_item_past_its_deadline_fails_whatever_its_worker_does(house: House, clock: ManualClock) -> None:
    row = await house.queued(b"endless")
    claimed = await house.work.claim(row.account_id, row.item_id)
    for _ in range(21):
        clock.advance(seconds=30)
        if (await house.row(row)).state is ItemState.PROCESSING:
            await house.work.renew(claimed)
            await attend(house, row)
    current = await house.row(row)
    assert current.failure is not None
    assert (current.state, current.failure.code, current.failure.retryable) == (ItemState.FAILED, "deadline", True)


async def test_the_overview_counts_what_is_late(house: House, clock: ManualClock) -> None:
    row = await house.queued(b"late")
    before = await house.upkeep.backlog(clock())
    clock.advance(hours=25)
    late = await house.upkeep.backlog(clock())
    assert late.past_deadline > before.past_deadline
    assert late.oldest_wait_seconds >= 25 * 3600
    await attend(house, row)
