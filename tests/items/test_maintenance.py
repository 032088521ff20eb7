"""What the sweeper repairs: unsent messages, lapsed claims, files of lost attempts, abandoned uploads."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from app.items.schema.keys import original_key, rendition_key
from app.items.schema.row import ItemRow, Lane, Result
from app.items.service.claims import POISONED
from app.items.service.lifecycle import UPLOAD_LIMIT
from app.items.store import ItemStore
from app.items.wiring import build_backlog
from app.stores import job_rows
from app.stores.resources import EXPRESS_QUEUE, shard_of
from darkroom_shared.ids import ItemId, new_ulid
from darkroom_shared.items import ItemKind, ItemState
from tests.services import ManualClock, Services

RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())


async def messages_about(services: Services, row: ItemRow, queue: str = EXPRESS_QUEUE) -> int:
    """Empty the queue and return the number of messages for this item; other tests' messages do not count."""
    result = 0
    while messages := await services.base.amazon.queues.receive(queue, limit=10, wait_seconds=0):
        for message in messages:
            result += message.body.get("item_id") == row.item_id
            await services.base.amazon.queues.delete(queue, message.receipt_handle)
    return result


async def process(services: Services, row: ItemRow) -> ItemRow | None:
    return await services.maintenance.process(row.account_id, row.item_id)


async def keys_of(services: Services, row: ItemRow) -> list[str]:
    results = []
    for folder in ("originals", "renditions"):
        prefix = f"{folder}/{row.account_id}/{row.item_id}"
        results += [each.key async for each in services.base.amazon.objects.list_objects(prefix)]
    return results


async def put_rendition(services: Services, row: ItemRow, attempt: int, folder: Path) -> str:
    file = folder / "small.webp"
    file.write_bytes(b"rendition")
    key = rendition_key(row.account_id, row.item_id, "recipe", attempt, "small.webp")
    digest = sha256(b"rendition").hexdigest()
    await services.base.amazon.objects.upload(
        key, file, size_bytes=9, content_type="image/webp", sha256_hex=digest, cache_control="private"
    )
    return key


async def test_an_unsent_message_is_sent_and_a_missing_one_is_resent_at_growing_intervals(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"a photo")
    assert await messages_about(services, row) == 1
    sent_after = []
    for minute in range(40):
        await process(services, row)
        if await messages_about(services, row):
            sent_after.append(minute)
        clock.advance(minutes=1)
    assert sent_after == [2, 6, 14, 30]


async def test_a_message_sent_before_its_queue_was_created_is_resent_once(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"sent before a restart")
    assert await messages_about(services, row) == 1
    clock.advance(seconds=10)
    made = dict.fromkeys(Lane, clock())
    for expected in (1, 0):
        await services.maintenance.resend_missing(int(shard_of(row.item_id)), made)
        assert await messages_about(services, row) == expected
    assert (await services.row(row)).sent_at == clock()


async def test_every_page_of_due_items_is_read(
    services: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_rows, "ROWS_PER_PAGE", 2)
    shard, expected = "07", set[ItemId]()
    while len(expected) < 5:
        row, _ = await services.create(new_ulid().encode())
        if shard_of(row.item_id) == shard:
            expected.add(row.item_id)
    pages = [page async for page in ItemStore(services.base.amazon.dynamo).due_rows(shard, clock() + UPLOAD_LIMIT)]
    assert expected <= {row.item_id for page in pages for row in page}
    assert max(map(len, pages)) == 2


async def test_a_lapsed_claim_is_queued_again_and_the_fifth_lapse_fails_the_item(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"a poison")
    for attempt in range(1, 5):
        await services.work.claim(row.account_id, row.item_id)
        clock.advance(seconds=61)
        assert await process(services, row) is None
        current = await services.row(row)
        assert (current.state, current.lost_attempts) == (ItemState.QUEUED, attempt)
        clock.advance(minutes=10)
    await services.work.claim(row.account_id, row.item_id)
    clock.advance(seconds=61)
    poisoned = await process(services, row)
    assert poisoned is not None
    assert (poisoned.state, poisoned.failure, poisoned.attempt) == (ItemState.FAILED, POISONED, 5)


async def test_a_lapsed_claim_is_resent_immediately_and_not_by_the_next_sweep(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"a worker died")
    await services.work.claim(row.account_id, row.item_id)
    clock.advance(seconds=61)
    await process(services, row)
    sent = await services.row(row)
    assert (sent.state, sent.sends, sent.sent_at) == (ItemState.QUEUED, 1, clock())
    clock.advance(minutes=1)
    await process(services, row)
    assert await services.row(row) == sent


async def test_files_of_lost_attempts_are_deleted_and_files_of_the_result_stay(
    services: Services, clock: ManualClock, tmp_path: Path
) -> None:
    row = await services.queued(b"twice tried")
    await services.work.claim(row.account_id, row.item_id)
    await put_rendition(services, row, 1, tmp_path)
    clock.advance(seconds=61)
    await process(services, row)
    clock.advance(seconds=6)
    claimed = await services.work.claim(row.account_id, row.item_id)
    counts = await put_rendition(services, row, 2, tmp_path)
    await services.work.finish(claimed, ItemKind.IMAGE, replace(RESULT, attempt=2), [])
    clock.advance(minutes=2)
    await process(services, row)
    assert await keys_of(services, row) == [original_key(row.account_id, row.item_id), counts]
    assert (await services.row(row)).due_at is None


async def test_a_cancelled_items_original_is_deleted_after_a_day(services: Services, clock: ManualClock) -> None:
    row = await services.queued(b"cancelled")
    await services.item_actions.cancel(row)
    clock.advance(hours=23)
    await process(services, row)
    assert await keys_of(services, row) == [original_key(row.account_id, row.item_id)]
    clock.advance(hours=2)
    await process(services, row)
    assert await keys_of(services, row) == []


async def test_an_abandoned_upload_expires_and_leaves_no_files(services: Services, clock: ManualClock) -> None:
    row, upload = await services.create(b"given up")
    assert (await services.put(upload, b"given up")).status_code == 200
    clock.advance(hours=25)
    await process(services, row)
    await process(services, row)
    assert (await services.row(row)).state is ItemState.EXPIRED
    assert await keys_of(services, row) == []


@pytest.mark.parametrize("permanently", [None, False, True])
async def test_bytes_uploaded_after_the_upload_was_cancelled_are_deleted_too(
    services: Services, clock: ManualClock, permanently: bool | None
) -> None:
    row, upload = await services.create(b"too late")
    if permanently is None:
        await services.item_actions.cancel(row)
    else:
        await services.trash.delete(row, None, permanently=permanently)
    await process(services, row)
    assert (await services.put(upload, b"too late")).status_code == 200
    clock.advance(hours=26)
    await process(services, row)
    assert await keys_of(services, row) == []


async def test_an_item_past_its_deadline_fails_even_if_its_claim_is_renewed(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"endless")
    claimed = await services.work.claim(row.account_id, row.item_id)
    for _ in range(21):
        clock.advance(seconds=30)
        if (await services.row(row)).state is ItemState.PROCESSING:
            await services.work.renew(claimed)
            await process(services, row)
    current = await services.row(row)
    assert current.failure is not None
    assert (current.state, current.failure.code, current.failure.retryable) == (ItemState.FAILED, "deadline", True)


async def test_the_overview_counts_late_items(services: Services, clock: ManualClock) -> None:
    row = await services.queued(b"late")
    backlog = build_backlog(clients=services.base.clients)
    before = await backlog.measure(clock())
    clock.advance(hours=25)
    late = await backlog.measure(clock())
    assert late.past_deadline > before.past_deadline
    assert late.oldest_wait_seconds >= 25 * 3600
    await process(services, row)
