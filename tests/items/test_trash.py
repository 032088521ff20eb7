"""What is deleted can come back for thirty days, and is then removed without a trace."""

import asyncio
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from app.items.deletion import RESTORABLE
from app.items.keys import original_key
from app.items.lifecycle import LATEST_UPLOAD
from app.items.row import ItemRow, Result
from app.stores.dynamo import Condition, Question
from app.stores.resources import RECEIPTS_TABLE, SHARDS
from shared.events import EventType
from shared.ids import ItemId, new_item_id
from shared.items import MOST_DELETED_AT_ONCE, CreateItem, ItemKind, ItemState, PartRequest
from shared.problems import NotFound, WrongState
from shared.uploads import SINGLE_PUT_BYTES
from tests.house import House, ManualClock
from tests.items.test_upkeep import attend, keys_of, put_rendition

MANY = 5_000
RESULT = Result("recipe", 1, 4, 3, None, "AAAA", None, ())


async def a_ready_item(house: House, folder: Path, content: bytes = b"ready") -> ItemRow:
    row = await house.queued(content)
    claimed = await house.work.claim(row.account_id, row.item_id)
    await put_rendition(house, row, 1, folder)
    return await house.work.finish(claimed, ItemKind.IMAGE, RESULT, [])


async def is_gone(house: House, row: ItemRow) -> bool:
    """Neither row nor receipt, no object, no upload in parts."""
    receipt = Question(RECEIPTS_TABLE, Condition("item_id = :item", values={":item": row.item_id}))
    left = [
        await house.base.items.store.get(row.account_id, row.item_id),
        (await house.base.amazon.dynamo.query(receipt)).rows,
        await keys_of(house, row),
        await house.base.amazon.objects.list_multipart_keys(original_key(row.account_id, row.item_id)),
    ]
    return not any(left)


async def told_of(house: House, row: ItemRow) -> list[EventType]:
    page = await house.base.events.log.read(house.account, 0, limit=500)
    return [event.type for event in page.events if event.subject == row.item_id]


async def listed(house: House, *, deleted: bool) -> list[ItemId]:
    page = await house.items.list(house.account, order="created", cursor=None, limit=100, deleted=deleted)
    return [row.item_id for row in page.rows]


async def test_a_ready_item_comes_back_as_it_was(house: House, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(house, tmp_path)
    keys = await keys_of(house, row)
    await house.trash.delete(row, None)
    assert await house.items.get(row.account_id, row.item_id) is None
    clock.advance(days=29)
    await attend(house, row)
    restored = await house.trash.restore(row)
    assert (restored.state, restored.result, restored.due_at) == (ItemState.READY, RESULT, None)
    assert await keys_of(house, row) == keys
    assert (await told_of(house, row))[-2:] == [EventType.ITEM_DELETED, EventType.ITEM_RESTORED]
    assert (await house.trash.restore(row)).revision == restored.revision


async def test_what_was_in_work_comes_back_as_cancelled_and_can_be_tried_again(
    house: House, clock: ManualClock
) -> None:
    row = await house.queued(b"in work")
    await house.work.claim(row.account_id, row.item_id)
    await house.trash.delete(row, None)
    clock.advance(days=1)
    await attend(house, row)
    restored = await house.trash.restore(row)
    assert (restored.state, (await house.base.events.store.head(house.account)).bytes_used) == (ItemState.CANCELLED, 0)
    assert (await house.items.retry(restored, None)).state is ItemState.QUEUED
    assert (await house.base.events.store.head(house.account)).bytes_used == row.size_bytes


async def test_a_restored_upload_has_nothing_left_to_try_again_with(house: House, clock: ManualClock) -> None:
    row, upload = await house.create(b"half way")
    assert (await house.put(upload, b"half way")).status_code == 200
    await house.trash.delete(row, None)
    await attend(house, row)
    assert (await house.base.events.store.head(house.account)).bytes_used == 0
    restored = await house.trash.restore(row)
    with pytest.raises(WrongState):
        await house.items.retry(restored, None)


async def test_after_thirty_days_nothing_is_left_and_the_quota_is_free(
    house: House, clock: ManualClock, tmp_path: Path
) -> None:
    row = await a_ready_item(house, tmp_path)
    await house.trash.delete(row, None)
    clock.now += RESTORABLE
    with pytest.raises(NotFound):
        await house.trash.restore(row)
    await attend(house, row)
    assert await keys_of(house, row) == []
    assert (await house.base.events.store.head(house.account)).bytes_used == 0
    clock.advance(minutes=2)
    await attend(house, row)
    assert await is_gone(house, row)
    head = await house.base.events.store.head(house.account)
    assert (head.item_count, head.bytes_used) == (0, 0)


async def test_deleted_for_good_nothing_brings_it_back_and_late_writers_leave_nothing(
    house: House, clock: ManualClock, tmp_path: Path
) -> None:
    row, upload = await house.create(b"unwanted")
    await house.put(upload, b"unwanted")
    await house.completion.complete(row, None)
    await house.work.claim(row.account_id, row.item_id)
    await house.trash.delete(row, None, permanently=True)
    assert await house.trash.get(row.account_id, row.item_id) is None
    with pytest.raises(NotFound):
        await house.trash.restore(row)
    await attend(house, row)
    assert await keys_of(house, row) == []
    await put_rendition(house, row, 1, tmp_path)
    assert (await house.put(upload, b"unwanted")).status_code == 200
    clock.advance(minutes=2)
    await attend(house, row)
    assert len(await keys_of(house, row)) == 2, "URLs given out still work: too early for the second time"
    clock.now += LATEST_UPLOAD
    await attend(house, row)
    assert await is_gone(house, row)


async def test_a_deleted_item_can_still_be_deleted_for_good(house: House, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(house, tmp_path)
    await house.trash.delete(row, None)
    assert await listed(house, deleted=True) == [row.item_id]
    await house.trash.delete(await house.row(row), None, permanently=True)
    assert await listed(house, deleted=True) == []
    assert (await told_of(house, row)).count(EventType.ITEM_DELETED) == 1


async def test_deleting_an_upload_in_parts_aborts_it_and_no_other_can_begin(house: House) -> None:
    wish = CreateItem(name="large.jpg", size_bytes=SINGLE_PUT_BYTES + 1, content_type="image/jpeg")
    row = (await house.uploads.create(house.account, wish, None)).row
    part = PartRequest(number=2, sha256=sha256(b"x").hexdigest())
    (upload,) = (await house.uploads.presign_parts(row, (part,))).parts
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.put(upload.url, headers=upload.headers, content=b"x")).status_code == 200
    await house.trash.delete(row, None)
    await attend(house, row)
    with pytest.raises(WrongState):
        await house.uploads.presign_parts(row, (part,))
    assert await house.base.amazon.objects.list_multipart_keys(original_key(row.account_id, row.item_id)) == []


async def test_a_purge_killed_after_any_step_goes_on(house: House, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(house, tmp_path)
    await house.trash.delete(row, None, permanently=True)
    objects, changes = house.base.amazon.objects, house.base.items.changes
    await objects.delete(await keys_of(house, row))
    await attend(house, row)
    clock.now += LATEST_UPLOAD
    async for _ in house.base.items.store.erase_receipt(row.item_id):
        pass
    await attend(house, row)
    await attend(house, row)
    assert await is_gone(house, row)
    await changes.remove(row)
    assert (await house.base.events.store.head(house.account)).item_count == 0


async def test_counting_alone_leaves_the_relay_nothing_to_do(house: House, clock: ManualClock, tmp_path: Path) -> None:
    row = await a_ready_item(house, tmp_path)
    await house.trash.delete(row, None, permanently=True)
    await house.relay.relay(house.account)
    await attend(house, row)
    clock.now += LATEST_UPLOAD
    await attend(house, row)
    assert await is_gone(house, row)
    assert (await house.base.events.store.head(house.account)).behind_since is None


async def test_many_are_deleted_at_once_each_told_once_and_foreign_ones_look_absent(
    house: House, clock: ManualClock
) -> None:
    rows = [(await house.create(f"number {number}".encode()))[0] for number in range(120)]
    ids = [row.item_id for row in rows]
    absent = new_item_id()
    for _ in range(2):
        done = await house.trash.delete_many(house.account, [*ids, absent, ids[0]], permanently=False)
        assert (done.deleted, done.absent) == (tuple(ids), (absent,))
    page = await house.base.events.log.read(house.account, 0, limit=500)
    assert sorted(each.subject for each in page.events if each.type is EventType.ITEM_DELETED) == sorted(ids)
    assert await listed(house, deleted=False) == []


@pytest.mark.everything
@pytest.mark.timeout(600)
async def test_five_thousand_are_deleted_for_good_and_purged(house: House, clock: ManualClock) -> None:
    rows = await asyncio.gather(*(house.create(f"number {number}".encode()) for number in range(MANY)))
    ids = [row.item_id for row, _ in rows]
    for start in range(0, MANY, MOST_DELETED_AT_ONCE):
        wanted = ids[start : start + MOST_DELETED_AT_ONCE]
        done = await house.trash.delete_many(house.account, wanted, permanently=True)
        assert (done.deleted, done.absent) == (tuple(wanted), ())
    head = await house.base.events.store.head(house.account)
    assert (head.last, head.item_count, head.bytes_used) == (2 * MANY, MANY, 0)
    for _ in range(2):
        for shard in range(SHARDS):
            while due := await house.upkeep.due(shard):
                await asyncio.gather(*(house.upkeep.attend(*each) for each in due))
        clock.now += LATEST_UPLOAD
    assert (await house.base.events.store.head(house.account)).item_count == 0
