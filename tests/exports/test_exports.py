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
from app.worker.exporting import LEAST_PART_BYTES
from darkroom_shared.events import EventType
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.items import FailureCode
from darkroom_shared.problems import NotFound, TooManyRequests, Unavailable
from tests.exports.conftest import Office, message
from tests.services import ManualClock


async def made(office: Office, row: ExportRow) -> zipfile.ZipFile:
    """Return the archive as stored in S3."""
    pieces = [
        piece async for piece in office.services.base.amazon.objects.stream(export_key(row.account_id, row.export_id))
    ]
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


async def test_an_export_holds_every_original_and_the_metadata_of_each_item(office: Office) -> None:
    services = office.services
    contents = [b"the first", b"the second", b"a third, of the same name"]
    for name, content in zip(["beach.jpg", "ä.jpg", "beach.jpg"], contents, strict=True):
        row, upload = await services.create(content, name=name)
        await services.put(upload, content)
        await services.completion.complete(row, None)
    await services.create(b"never uploaded", name="never.jpg")
    gone = await services.queued(b"deleted")
    await services.trash.delete(gone, None)
    ready = await office.handle(await office.start())
    assert (ready.state, ready.item_count, ready.missing_count, ready.percent) == (ExportState.READY, 4, 0, 100)
    with await made(office, ready) as archive:
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
    assert not list(office.scratch.iterdir())


async def test_an_archive_larger_than_a_part_is_uploaded_in_parts(office: Office) -> None:
    for number in range(3):
        await office.services.queued(bytes([number]) * (LEAST_PART_BYTES * 3 // 4))
    ready = await office.handle(await office.start())
    stored = await office.services.base.amazon.objects.head(export_key(ready.account_id, ready.export_id))
    assert stored is not None
    assert stored.size_bytes == ready.size_bytes
    assert (stored.digest or "").endswith("-3")
    with await made(office, ready) as archive:
        assert archive.testzip() is None


async def test_an_account_without_items_gets_an_empty_list(office: Office) -> None:
    ready = await office.handle(await office.start())
    with await made(office, ready) as archive:
        assert json.loads(archive.read("items.json")) == []


async def test_a_missing_original_is_listed_and_does_not_fail_the_export(office: Office) -> None:
    rows = [await office.services.queued(content) for content in (b"here", b"gone")]
    await office.services.base.amazon.objects.delete([original_key(rows[1].account_id, rows[1].item_id)])
    ready = await office.handle(await office.start())
    assert (ready.state, ready.item_count, ready.missing_count) == (ExportState.READY, 2, 1)
    with await made(office, ready) as archive:
        listed = {each["item"]["id"]: each["file"] for each in json.loads(archive.read("items.json"))}
    assert listed[rows[1].item_id] is None
    assert listed[rows[0].item_id] == "originals/photo.jpg"


async def test_completion_publishes_one_event_without_a_url(office: Office) -> None:
    row = await office.start()
    await office.handle(row)
    await office.handle(row)
    (event,) = await office.published()
    assert (event.type, event.subject, event.data["state"]) == (EventType.EXPORT_READY, row.export_id, "ready")
    assert event.data["url"] is None


async def test_an_exports_url_is_valid_for_ten_minutes_and_for_its_archive_only(
    office: Office, clock: ManualClock
) -> None:
    row = await office.start()
    assert office.exports.to_wire(row).url is None
    results = office.exports.to_wire(await office.handle(row))
    assert results.url is not None
    assert results.url_expires_at is not None
    assert f"/exports/{row.account_id}/{row.export_id}.zip?Policy=" in results.url
    assert timedelta(minutes=9) < results.url_expires_at - clock.now <= timedelta(minutes=10)


async def test_a_second_request_returns_the_running_export_and_their_number_is_limited(office: Office) -> None:
    row = await office.start()
    assert (await office.start()).export_id == row.export_id
    await office.handle(row)
    for _ in range(MAX_EXPORTS - 1):
        await office.handle(await office.start())
    with pytest.raises(TooManyRequests):
        await office.start()


async def test_another_account_gets_not_found(office: Office) -> None:
    row = await office.start()
    with pytest.raises(NotFound):
        await office.exports.require(new_account_id(), row.export_id)


async def test_an_export_of_a_killed_worker_starts_again_from_the_beginning(office: Office, clock: ManualClock) -> None:
    await office.services.queued(b"a photo")
    row = await office.start()
    dead = await office.work.claim(row.account_id, row.export_id)
    await office.work.renew(dead, 40.0)
    await office.services.base.amazon.objects.start_multipart(export_key(row.account_id, row.export_id), name="x.zip")
    clock.advance(seconds=61)
    await office.process(row)
    waiting = await office.row(row)
    assert (waiting.state, waiting.lost_attempts, await office.keys()) == (ExportState.QUEUED, 1, [])
    clock.advance(seconds=5)
    assert (await office.handle(row)).state is ExportState.READY
    with pytest.raises(ClaimLost):
        await office.work.finish(dead, items=0, missing=0, size_bytes=1)
    assert len(await office.keys()) == 1


async def test_an_export_that_kills_five_workers_fails_with_a_reason(office: Office, clock: ManualClock) -> None:
    row = await office.start()
    for _ in range(MAX_LOST_ATTEMPTS):
        await office.work.claim(row.account_id, row.export_id)
        clock.advance(seconds=61)
        await office.process(row)
        clock.advance(minutes=10)
    failed = await office.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == (ExportState.FAILED, FailureCode.INTERNAL)
    assert [event.type for event in await office.published()] == [EventType.EXPORT_FAILED]


class BlockedInventory(Inventory):
    """Never returns an item; `begun` is set once an attempt reads it."""

    def __init__(self, store: ItemStore) -> None:
        super().__init__(store)
        self.begun = asyncio.Event()

    async def of(self, account: AccountId) -> AsyncIterator[InventoryEntry]:
        self.begun.set()
        await asyncio.Event().wait()
        yield await anext(super().of(account))


def _attempts(office: Office, inventory: Inventory) -> AttemptRunner[ExportKey]:
    amazon = office.services.base.amazon
    return export_attempts(
        work=office.work, objects=amazon.objects, inventory=inventory, queues=amazon.queues, scratch=office.scratch
    )


async def test_a_stopping_worker_returns_the_export_without_counting_an_attempt(office: Office) -> None:
    await office.services.queued(b"a photo")
    row, base = await office.start(), office.services.base
    inventory = BlockedInventory(base.items.store)
    stopped = _attempts(office, inventory)
    attempt = asyncio.create_task(stopped.handle(message(row)))
    async with asyncio.timeout(60):
        await inventory.begun.wait()
    attempt.cancel()
    await asyncio.wait({attempt})
    returned = await office.row(row)
    assert (returned.state, returned.lost_attempts) == (ExportState.QUEUED, 0)
    assert (await office.handle(row)).state is ExportState.READY


class UnreachableInventory(Inventory):
    """Raises as if the items' table were away."""

    async def of(self, account: AccountId) -> AsyncIterator[InventoryEntry]:
        raise Unavailable
        yield await anext(super().of(account))


async def test_an_export_that_a_store_has_interrupted_waits_before_it_is_sent_again(
    office: Office, clock: ManualClock
) -> None:
    row, base = await office.start(), office.services.base
    inventory = UnreachableInventory(base.items.store)
    attempts = _attempts(office, inventory)
    assert not await attempts.handle(message(row))
    assert await office.messages(row) == 1
    clock.advance(seconds=59)
    await office.process(row)
    assert await office.messages(row) == 0
    with pytest.raises(ClaimLost):
        await office.work.claim(row.account_id, row.export_id)
    clock.advance(seconds=1)
    assert (await office.handle(row)).state is ExportState.READY


async def test_an_export_that_is_never_done_fails_at_its_deadline(office: Office, clock: ManualClock) -> None:
    row = await office.start()
    clock.now += TIME_LIMIT
    await office.process(row)
    failed = await office.row(row)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code, failed.deadline) == (ExportState.FAILED, FailureCode.DEADLINE, None)


async def test_a_message_that_never_arrived_is_sent_again(office: Office, clock: ManualClock) -> None:
    row = await office.start()
    assert await office.messages(row) == 1
    clock.advance(minutes=1)
    await office.process(row)
    assert await office.messages(row) == 0
    clock.advance(minutes=1)
    await office.process(row)
    assert await office.messages(row) == 1


async def test_an_expired_export_leaves_no_row_and_no_objects(office: Office, clock: ManualClock) -> None:
    row = await office.handle(await office.start())
    clock.now += RETENTION - timedelta(seconds=1)
    await office.process(row)
    assert len(await office.keys()) == 1
    clock.advance(seconds=1)
    assert (row.account_id, row.export_id) in [
        due for shard in range(16) for due in await office.maintenance.due(shard)
    ]
    await office.process(row)
    assert await office.keys() == []
    with pytest.raises(NotFound):
        await office.row(row)


async def test_erasing_an_account_deletes_its_exports(office: Office) -> None:
    await office.handle(await office.start())
    row = await office.start()
    claimed = await office.work.claim(row.account_id, row.export_id)
    await office.services.base.amazon.objects.start_multipart(export_key(row.account_id, row.export_id), name="x.zip")
    async for _ in office.erasure.erase(row.account_id):
        pass
    assert await office.keys() == []
    assert await office.exports.all_of(row.account_id) == []
    with pytest.raises(ClaimLost):
        await office.work.renew(claimed, 50.0)
