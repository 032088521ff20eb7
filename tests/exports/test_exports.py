"""An export from its request to its deletion: complete, announced once, and purged after its retention."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.exports.schema import ExportRow, export_key
from app.exports.service.exports import MAX_EXPORTS
from app.exports.service.lifecycle import RETENTION, TIME_LIMIT
from app.items.schema.keys import original_key
from app.items.service.inventory import Inventory, InventoryEntry
from app.items.store import ItemStore
from app.jobs.attempt import AttemptRunner
from app.jobs.claim import MAX_LOST_ATTEMPTS, ClaimLost
from app.worker.export_attempts import ExportKey, export_attempts
from app.worker.exporting import MIN_PART_BYTES
from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.items import FailureCode
from darkroom_shared.problems import NotFound, TooManyRequests, Unavailable
from tests.exports.conftest import ExportHarness, message
from tests.services import ManualClock


async def made(harness: ExportHarness, row: ExportRow) -> zipfile.ZipFile:
    """Return the archive as stored in S3."""
    pieces = [
        piece async for piece in harness.services.base.amazon.objects.stream(export_key(row.account_id, row.export_id))
    ]
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


async def test_an_export_holds_every_original_and_the_metadata_of_each_item(harness: ExportHarness) -> None:
    services = harness.services
    contents = [b"the first", b"the second", b"a third, of the same name"]
    for name, content in zip(["beach.jpg", "ä.jpg", "beach.jpg"], contents, strict=True):
        row, upload = await services.create(content, name=name)
        await services.put(upload, content)
        await services.completion.complete(row, None)
    await services.create(b"never uploaded", name="never.jpg")
    gone = await services.queued(b"deleted")
    await services.trash.delete(gone, None)
    ready = await harness.handle(await harness.start())
    assert (ready.state, ready.item_count, ready.missing_count, ready.percent) == (ExportState.READY, 4, 0, 100)
    with await made(harness, ready) as archive:
        assert archive.testzip() is None
        assert sum(info.compress_size for info in archive.infolist()) < (ready.size_bytes or 0)
        files = {name: archive.read(name) for name in archive.namelist() if name != "items.json"}
        listed = json.loads(archive.read("items.json"))
    assert sorted(files) == ["originals/beach (2).jpg", "originals/beach.jpg", "originals/ä.jpg"]
    assert sorted(files.values()) == sorted(contents)
    assert {each["item"]["name"]: each["file"] is None for each in listed} == {
        "never.jpg": True, "beach.jpg": False, "ä.jpg": False,
    }  # fmt: skip
    assert not any(rendition["url"] for each in listed for rendition in each["item"]["renditions"])
    assert not list(harness.scratch.iterdir())


async def test_an_archive_larger_than_a_part_is_uploaded_in_parts(harness: ExportHarness) -> None:
    for number in range(3):
        await harness.services.queued(bytes([number]) * (MIN_PART_BYTES * 3 // 4))
    ready = await harness.handle(await harness.start())
    stored = await harness.services.base.amazon.objects.head(export_key(ready.account_id, ready.export_id))
    assert stored is not None
    assert stored.size_bytes == ready.size_bytes
    assert (stored.digest or "").endswith("-3")
    with await made(harness, ready) as archive:
        assert archive.testzip() is None


async def test_an_account_without_items_gets_an_empty_list(harness: ExportHarness) -> None:
    ready = await harness.handle(await harness.start())
    with await made(harness, ready) as archive:
        assert json.loads(archive.read("items.json")) == []


async def test_a_missing_original_is_listed_and_does_not_fail_the_export(harness: ExportHarness) -> None:
    rows = [await harness.services.queued(content) for content in (b"here", b"gone")]
    await harness.services.base.amazon.objects.delete([original_key(rows[1].account_id, rows[1].item_id)])
    ready = await harness.handle(await harness.start())
    assert (ready.state, ready.item_count, ready.missing_count) == (ExportState.READY, 2, 1)
    with await made(harness, ready) as archive:
        listed = {each["item"]["id"]: each["file"] for each in json.loads(archive.read("items.json"))}
    assert listed[rows[1].item_id] is None
    assert listed[rows[0].item_id] == "originals/photo.jpg"


async def test_completion_publishes_one_event_without_a_url(harness: ExportHarness) -> None:
    row = await harness.start()
    await harness.handle(row)
    await harness.handle(row)
    (event,) = await harness.published()
    assert (event.type, event.subject, event.data["state"]) == (EventType.EXPORT_READY, row.export_id, "ready")
    assert event.data["url"] is None


async def test_an_exports_url_is_valid_for_ten_minutes_and_for_its_archive_only(
    harness: ExportHarness, clock: ManualClock
) -> None:
    row = await harness.start()
    assert harness.exports.to_wire(row).url is None
    results = harness.exports.to_wire(await harness.handle(row))
    assert results.url is not None
    assert results.url_expires_at is not None
    assert f"/exports/{row.account_id}/{row.export_id}.zip?Policy=" in results.url
    assert timedelta(minutes=9) < results.url_expires_at - clock.now <= timedelta(minutes=10)


async def test_a_second_request_returns_the_running_export_and_their_number_is_limited(harness: ExportHarness) -> None:
    row = await harness.start()
    assert (await harness.start()).export_id == row.export_id
    await harness.handle(row)
    for _ in range(MAX_EXPORTS - 1):
        await harness.handle(await harness.start())
    with pytest.raises(TooManyRequests):
        await harness.start()


async def test_another_account_gets_not_found(harness: ExportHarness) -> None:
    row = await harness.start()
    with pytest.raises(NotFound):
        await harness.exports.require(new_account_id(), row.export_id)


async def test_an_export_of_a_killed_worker_starts_again_from_the_beginning(
    harness: ExportHarness, clock: ManualClock
) -> None:
    await harness.services.queued(b"a photo")
    row = await harness.start()
    dead = await harness.work.claim(row.account_id, row.export_id)
    await harness.work.renew(dead, 40.0)
    key = export_key(row.account_id, row.export_id)
    await harness.services.base.amazon.objects.start_multipart(key, name="x.zip")
    clock.advance(seconds=61)
    await harness.process(row)
    waiting = await harness.row(row)
    assert (waiting.state, waiting.lost_attempts) == (ExportState.QUEUED, 1)
    assert await harness.keys() == [key], "the next attempt, whose upload this may be, aborts it"
    clock.advance(seconds=5)
    assert (await harness.handle(row)).state is ExportState.READY
    with pytest.raises(ClaimLost):
        await harness.work.finish(dead, items=0, missing=0, size_bytes=1)
    assert len(await harness.keys()) == 1


async def test_an_export_that_kills_five_workers_fails_with_a_reason(
    harness: ExportHarness, clock: ManualClock
) -> None:
    row = await harness.start()
    for _ in range(MAX_LOST_ATTEMPTS):
        await harness.work.claim(row.account_id, row.export_id)
        await harness.services.base.amazon.objects.start_multipart(
            export_key(row.account_id, row.export_id), name="x.zip"
        )
        clock.advance(seconds=61)
        await harness.process(row)
        clock.advance(minutes=10)
    failed = await harness.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == (ExportState.FAILED, FailureCode.INTERNAL)
    assert [event.type for event in await harness.published()] == [EventType.EXPORT_FAILED]
    assert await harness.keys() == []


class BlockedInventory(Inventory):
    """Never returns an item; `begun` is set once an attempt reads it."""

    def __init__(self, store: ItemStore) -> None:
        super().__init__(store)
        self.begun = asyncio.Event()

    async def of(self, account: AccountId) -> AsyncIterator[InventoryEntry]:
        self.begun.set()
        await asyncio.Event().wait()
        yield await anext(super().of(account))


def _attempts(harness: ExportHarness, inventory: Inventory) -> AttemptRunner[ExportKey]:
    amazon = harness.services.base.amazon
    return export_attempts(
        work=harness.work, objects=amazon.objects, inventory=inventory, queues=amazon.queues, scratch=harness.scratch
    )


async def test_a_stopping_worker_returns_the_export_without_counting_an_attempt(harness: ExportHarness) -> None:
    await harness.services.queued(b"a photo")
    row, base = await harness.start(), harness.services.base
    inventory = BlockedInventory(ItemStore(base.amazon.dynamo))
    stopped = _attempts(harness, inventory)
    attempt = asyncio.create_task(stopped.handle(message(row)))
    async with asyncio.timeout(60):
        await inventory.begun.wait()
    attempt.cancel()
    await asyncio.wait({attempt})
    returned = await harness.row(row)
    assert (returned.state, returned.lost_attempts) == (ExportState.QUEUED, 0)
    assert (await harness.handle(row)).state is ExportState.READY


class UnreachableInventory(Inventory):
    """Raises as if the items' table were unavailable."""

    async def of(self, account: AccountId) -> AsyncIterator[InventoryEntry]:
        raise Unavailable
        yield await anext(super().of(account))


async def test_an_export_that_a_store_has_interrupted_waits_before_it_is_sent_again(
    harness: ExportHarness, clock: ManualClock
) -> None:
    row, base = await harness.start(), harness.services.base
    inventory = UnreachableInventory(ItemStore(base.amazon.dynamo))
    attempts = _attempts(harness, inventory)
    assert not await attempts.handle(message(row))
    assert await harness.messages(row) == 1
    clock.advance(seconds=59)
    await harness.process(row)
    assert await harness.messages(row) == 0
    with pytest.raises(ClaimLost):
        await harness.work.claim(row.account_id, row.export_id)
    clock.advance(seconds=1)
    assert (await harness.handle(row)).state is ExportState.READY


async def test_an_export_that_is_never_done_fails_at_its_deadline(harness: ExportHarness, clock: ManualClock) -> None:
    row = await harness.start()
    clock.now += TIME_LIMIT
    await harness.process(row)
    failed = await harness.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code, failed.deadline) == (ExportState.FAILED, FailureCode.DEADLINE, None)


async def test_a_message_that_never_arrived_is_sent_again(harness: ExportHarness, clock: ManualClock) -> None:
    row = await harness.start()
    assert await harness.messages(row) == 1
    clock.advance(minutes=1)
    await harness.process(row)
    assert await harness.messages(row) == 0
    clock.advance(minutes=1)
    await harness.process(row)
    assert await harness.messages(row) == 1


async def test_an_expired_export_leaves_no_row_and_no_objects(harness: ExportHarness, clock: ManualClock) -> None:
    row = await harness.handle(await harness.start())
    clock.now += RETENTION - timedelta(seconds=1)
    await harness.process(row)
    assert len(await harness.keys()) == 1
    clock.advance(seconds=1)
    assert (row.account_id, row.export_id) in [
        due
        for shard in range(16)
        async for page in harness.maintenance.due_jobs.pages_of_deletions(shard)
        for due in page
    ]
    await harness.process(row)
    assert await harness.keys() == []
    with pytest.raises(NotFound):
        await harness.row(row)


async def test_erasing_an_account_deletes_its_exports(harness: ExportHarness) -> None:
    await harness.handle(await harness.start())
    row = await harness.start()
    claimed = await harness.work.claim(row.account_id, row.export_id)
    await harness.services.base.amazon.objects.start_multipart(export_key(row.account_id, row.export_id), name="x.zip")
    async for _ in harness.erasure.erase(row.account_id):
        pass
    assert await harness.keys() == []
    assert await harness.exports.all_of(row.account_id) == []
    with pytest.raises(ClaimLost):
        await harness.work.renew(claimed, 50.0)
