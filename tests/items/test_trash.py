"""Deleted items can be restored for thirty days, and are then purged completely."""

import asyncio
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from app.items.deletion.service.rules import RESTORABLE
from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow, Result
from app.items.service.lifecycle import UPLOAD_DEADLINE
from app.items.store import ItemStore
from app.stores.dynamo import Condition, Query
from app.stores.resources import RECEIPTS_TABLE, SHARDS
from darkroom_shared.events import EventType
from darkroom_shared.ids import ItemId, new_item_id
from darkroom_shared.items import MAX_DELETED_PER_REQUEST, CreateItem, ItemKind, ItemState, PartRequest
from darkroom_shared.problems import NotFound, WrongState
from darkroom_shared.uploads import SINGLE_PUT_BYTES
from tests.items.test_maintenance import keys_of, process, put_rendition
from tests.services import ManualClock, Services

MANY = 5_000
RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())


async def a_ready_item(services: Services, folder: Path, content: bytes = b"ready") -> ItemRow:
    row = await services.queued(content)
    claimed = await services.work.claim(row.account_id, row.item_id)
    await put_rendition(services, row, 1, folder)
    return await services.work.finish(claimed, ItemKind.IMAGE, RESULT, [])


async def is_gone(services: Services, row: ItemRow) -> bool:
    """Return whether no row, receipt, object or multipart upload is left."""
    receipt = Query(RECEIPTS_TABLE, Condition("item_id = :item", values={":item": row.item_id}))
    left = [
        await ItemStore(services.base.amazon.dynamo).get(row.account_id, row.item_id),
        (await services.base.amazon.dynamo.query(receipt)).rows,
        await keys_of(services, row),
        await services.base.amazon.objects.list_multipart_keys(original_key(row.account_id, row.item_id)),
    ]
    return not any(left)


async def events_of(services: Services, row: ItemRow) -> list[EventType]:
    page = await services.base.events.log.read(services.account, 0, limit=500)
    return [event.type for event in page.events if event.subject == row.item_id]


async def listed(services: Services, *, deleted: bool) -> list[ItemId]:
    page = await services.items.list(services.account, order="created", cursor=None, limit=100, deleted=deleted)
    return [row.item_id for row in page.rows]


async def test_a_ready_item_is_restored_unchanged(services: Services, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(services, tmp_path)
    keys = await keys_of(services, row)
    await services.trash.delete(row, None)
    assert await services.items.get(row.account_id, row.item_id) is None
    clock.advance(days=29)
    await process(services, row)
    restored = await services.trash.restore(row)
    assert (restored.state, restored.result, restored.due_at) == (ItemState.READY, RESULT, None)
    assert await keys_of(services, row) == keys
    assert (await events_of(services, row))[-2:] == [EventType.ITEM_DELETED, EventType.ITEM_RESTORED]
    assert (await services.trash.restore(row)).revision == restored.revision


async def test_an_item_deleted_while_queued_is_restored_as_cancelled_and_can_be_retried(
    services: Services, clock: ManualClock
) -> None:
    row = await services.queued(b"in work")
    await services.work.claim(row.account_id, row.item_id)
    await services.trash.delete(row, None)
    clock.advance(days=1)
    await process(services, row)
    restored = await services.trash.restore(row)
    assert (restored.state, (await services.base.events.store.head(services.account)).bytes_used) == (
        ItemState.CANCELLED,
        0,
    )
    assert (await services.item_actions.retry(restored, None)).state is ItemState.QUEUED
    assert (await services.base.events.store.head(services.account)).bytes_used == row.size_bytes


async def test_a_restored_upload_has_no_original_and_cannot_be_retried(services: Services, clock: ManualClock) -> None:
    row, upload = await services.create(b"half way")
    assert (await services.put(upload, b"half way")).status_code == 200
    await services.trash.delete(row, None)
    await process(services, row)
    assert (await services.base.events.store.head(services.account)).bytes_used == 0
    restored = await services.trash.restore(row)
    with pytest.raises(WrongState):
        await services.item_actions.retry(restored, None)


async def test_after_thirty_days_the_item_is_purged_and_its_quota_is_free(
    services: Services, clock: ManualClock, tmp_path: Path
) -> None:
    row = await a_ready_item(services, tmp_path)
    await services.trash.delete(row, None)
    clock.now += RESTORABLE
    with pytest.raises(NotFound):
        await services.trash.restore(row)
    await process(services, row)
    assert await keys_of(services, row) == []
    assert (await services.base.events.store.head(services.account)).bytes_used == 0
    clock.advance(minutes=2)
    await process(services, row)
    assert await is_gone(services, row)
    head = await services.base.events.store.head(services.account)
    assert (head.item_count, head.bytes_used) == (0, 0)


async def test_a_permanently_deleted_item_cannot_be_restored_and_late_writes_are_purged(
    services: Services, clock: ManualClock, tmp_path: Path
) -> None:
    row, upload = await services.create(b"unwanted")
    await services.put(upload, b"unwanted")
    await services.completion.complete(row, None)
    await services.work.claim(row.account_id, row.item_id)
    await services.trash.delete(row, None, permanently=True)
    assert await services.trash.get(row.account_id, row.item_id) is None
    with pytest.raises(NotFound):
        await services.trash.restore(row)
    await process(services, row)
    assert await keys_of(services, row) == []
    await put_rendition(services, row, 1, tmp_path)
    assert (await services.put(upload, b"unwanted")).status_code == 200
    clock.advance(minutes=2)
    await process(services, row)
    assert len(await keys_of(services, row)) == 2, "issued URLs are still valid: the second pass is not due yet"
    clock.now += UPLOAD_DEADLINE
    await process(services, row)
    assert await is_gone(services, row)


async def test_a_deleted_item_can_still_be_deleted_permanently(
    services: Services, clock: ManualClock, tmp_path: Path
) -> None:
    row = await a_ready_item(services, tmp_path)
    await services.trash.delete(row, None)
    assert await listed(services, deleted=True) == [row.item_id]
    await services.trash.delete(await services.row(row), None, permanently=True)
    assert await listed(services, deleted=True) == []
    assert (await events_of(services, row)).count(EventType.ITEM_DELETED) == 1


async def test_deleting_aborts_a_multipart_upload_and_no_other_can_begin(services: Services) -> None:
    body = CreateItem(name="large.jpg", size_bytes=SINGLE_PUT_BYTES + 1, content_type="image/jpeg")
    row = (await services.uploads.create(services.account, body, None)).row
    part = PartRequest(number=2, sha256=sha256(b"x").hexdigest())
    (upload,) = (await services.uploads.presign_parts(row, (part,))).parts
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.put(upload.url, headers=upload.headers, content=b"x")).status_code == 200
    await services.trash.delete(row, None)
    await process(services, row)
    with pytest.raises(WrongState):
        await services.uploads.presign_parts(row, (part,))
    assert await services.base.amazon.objects.list_multipart_keys(original_key(row.account_id, row.item_id)) == []


async def test_a_purge_killed_after_any_step_continues(services: Services, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(services, tmp_path)
    await services.trash.delete(row, None, permanently=True)
    objects, changes = services.base.amazon.objects, services.base.items.changes
    await objects.delete(await keys_of(services, row))
    await process(services, row)
    clock.now += UPLOAD_DEADLINE
    async for _ in ItemStore(services.base.amazon.dynamo).erase_receipt(row.item_id):
        pass
    await process(services, row)
    await process(services, row)
    assert await is_gone(services, row)
    await changes.remove(row)
    assert (await services.base.events.store.head(services.account)).item_count == 0


async def test_a_purge_publishes_no_event_for_the_relay(services: Services, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(services, tmp_path)
    await services.trash.delete(row, None, permanently=True)
    await services.relay.relay(services.account)
    await process(services, row)
    clock.now += UPLOAD_DEADLINE
    await process(services, row)
    assert await is_gone(services, row)
    assert (await services.base.events.store.head(services.account)).behind_since is None


async def test_a_bulk_delete_publishes_once_per_item_and_ignores_other_accounts(
    services: Services, clock: ManualClock
) -> None:
    # More than are read in one request and deleted at once.
    created = await asyncio.gather(*(services.create(f"number {number}".encode()) for number in range(105)))
    ids = [row.item_id for row, _ in created]
    absent = new_item_id()
    for _ in range(2):
        done = await services.trash.delete_many(services.account, [*ids, absent, ids[0]], permanently=False)
        assert (done.deleted, done.absent) == (tuple(ids), (absent,))
    page = await services.base.events.log.read(services.account, 0, limit=500)
    assert sorted(each.subject for each in page.events if each.type is EventType.ITEM_DELETED) == sorted(ids)
    assert await listed(services, deleted=False) == []


@pytest.mark.tier("all", "long runs")
@pytest.mark.timeout(600)
async def test_five_thousand_items_are_deleted_permanently_and_purged(services: Services, clock: ManualClock) -> None:
    rows = await asyncio.gather(*(services.create(f"number {number}".encode()) for number in range(MANY)))
    ids = [row.item_id for row, _ in rows]
    for start in range(0, MANY, MAX_DELETED_PER_REQUEST):
        expected = ids[start : start + MAX_DELETED_PER_REQUEST]
        done = await services.trash.delete_many(services.account, expected, permanently=True)
        assert (done.deleted, done.absent) == (tuple(expected), ())
    head = await services.base.events.store.head(services.account)
    assert (head.last, head.item_count, head.bytes_used) == (2 * MANY, MANY, 0)
    for _ in range(2):
        for shard in range(SHARDS):
            async for due in services.maintenance.due_jobs.pages_of_deletions(shard):
                await asyncio.gather(*(services.maintenance.process(*each) for each in due))
        clock.now += UPLOAD_DEADLINE
    assert (await services.base.events.store.head(services.account)).item_count == 0
