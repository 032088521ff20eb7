"""S3 is away or silent: the sweepers still end the claims and deadlines of all other items and exports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.exports.schema import ExportRow
from app.exports.store import ExportStore
from app.exports.store import row_action as export_action
from app.exports.wiring import build_export_work, build_exports
from app.items.schema.row import ItemRow, Purge
from app.items.service import lifecycle
from app.items.service.lifecycle import LEASE
from app.items.store import ItemStore, row_action
from app.stores.aws_errors import ErrorClass
from app.stores.resources import shard_of
from app.worker.sweeper import build_export_sweeper, build_item_sweeper
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import ExportId, ItemId, new_account_id, new_export_id, new_item_id
from darkroom_shared.items import ItemState
from tests.jobs.loops import Faulty, open_faulty
from tests.services import ManualClock, Stores

MORE_THAN_A_PAGE = 101
FIRST_CALL = "list_multipart_uploads"
"""S3's first call of a purge, and of the deletion of an export."""
AGO = timedelta(hours=1)
LIMIT_SECONDS = 0.2


@pytest.fixture
async def faulty(stores: Stores, make_sqlite: Callable[[], str], clock: ManualClock) -> AsyncIterator[Faulty]:
    async with open_faulty(stores, clock, make_sqlite()) as opened:
        yield opened


@asynccontextmanager
async def silent_s3(faulty: Faulty) -> AsyncIterator[None]:
    """No call of S3 gets a response in this block."""

    class Silent:
        def __getattr__(self, _name: str) -> Callable[..., Awaitable[None]]:
            async def hang(**_arguments: object) -> None:
                await asyncio.Event().wait()

            return hang

    objects: Any = faulty.services.base.amazon.objects
    client, objects._client = objects._client, Silent()
    yield
    objects._client = client


def item_in(shard: str) -> ItemId:
    while shard_of(item := new_item_id()) != shard:
        pass
    return item


def export_in(shard: str) -> ExportId:
    while shard_of(export := new_export_id()) != shard:
        pass
    return export


async def purges_before(faulty: Faulty, row: ItemRow, count: int) -> list[ItemRow]:
    """Make purges of other accounts, each of its own, that are due before anything of the row, in its shard."""
    deleted = replace(row, state=ItemState.DELETED, purge=Purge.BEGUN, purge_at=faulty.clock() - AGO, revision=1)
    deleted = lifecycle.due(replace(deleted, deadline=None))
    shard = shard_of(row.item_id)
    rows = [replace(deleted, account_id=new_account_id(), item_id=item_in(shard)) for _ in range(count)]
    store = ItemStore(faulty.own.base.amazon.dynamo)
    await asyncio.gather(*(store.write([row_action(each)]) for each in rows))
    return rows


async def test_purges_that_fail_delay_no_lapsed_claim(faulty: Faulty) -> None:
    own, sweeper = faulty.own, build_item_sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)
    row = await own.queued(b"of an uninvolved account")
    await purges_before(faulty, row, MORE_THAN_A_PAGE)
    await own.work.claim(row.account_id, row.item_id)
    faulty.clock.advance(seconds=61)
    faulty.faults.begin_outage(FIRST_CALL, ErrorClass.UNREACHABLE)
    with capture_logs():
        await sweeper.process(int(shard_of(row.item_id)))
        assert (await own.row(row)).lost_attempts == 1
        await sweeper.delete_files(int(shard_of(row.item_id)))
    assert faulty.faults.calls.count(FIRST_CALL) >= MORE_THAN_A_PAGE, "later purges have their turn, too"


async def test_a_purge_that_hangs_delays_no_lapsed_claim_and_is_repeated(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.sweeper.DELETION_SECONDS", LIMIT_SECONDS)
    own, sweeper = faulty.own, build_item_sweeper(faulty.services.maintenance, faulty.services.base.amazon.queues)
    row = await own.queued(b"of an uninvolved account")
    shard, (purge, *_) = int(shard_of(row.item_id)), await purges_before(faulty, row, 1)
    await own.work.claim(row.account_id, row.item_id)
    faulty.clock.advance(seconds=61)
    async with silent_s3(faulty), asyncio.timeout(60):
        with capture_logs() as entries:
            await sweeper.process(shard)
            await sweeper.delete_files(shard)
    assert purge.item_id in {entry.get("item") for entry in entries if entry["event"] == "job.interrupted"}
    assert (await own.row(row)).lost_attempts == 1
    assert (await own.row(purge)).purge is Purge.BEGUN
    monkeypatch.undo()
    await sweeper.delete_files(shard)
    assert (await own.row(purge)).purge is Purge.DELETED


async def test_exports_that_cannot_be_deleted_delay_no_lapsed_claim(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.sweeper.DELETION_SECONDS", LIMIT_SECONDS)
    base, own = faulty.services.base, faulty.own.base
    parts = build_export_work(base=own, lease=LEASE)
    exports = build_exports(base=own, delivery=faulty.own.representation._delivery)["exports"]
    sweeper = build_export_sweeper(build_export_work(base=base, lease=LEASE).maintenance)
    row, expired = await exports.start(new_account_id()), list[ExportRow]()
    for _ in range(MORE_THAN_A_PAGE):
        ended = replace(row, state=ExportState.READY, kept_until=faulty.clock() - AGO, due_at=faulty.clock() - AGO)
        ended = replace(ended, export_id=export_in(shard_of(row.export_id)), account_id=new_account_id(), revision=1)
        expired.append(ended)
    store = ExportStore(own.amazon.dynamo)
    await asyncio.gather(*(store.write(export_action(each)) for each in expired))
    await parts.work.claim(row.account_id, row.export_id)
    faulty.clock.advance(seconds=61)
    faulty.faults.begin_outage(FIRST_CALL, ErrorClass.UNREACHABLE)
    shard = int(shard_of(row.export_id))
    with capture_logs():
        await sweeper.process(shard)
        assert (await exports.require(row.account_id, row.export_id)).lost_attempts == 1
        before = faulty.faults.calls.count(FIRST_CALL)
        await sweeper.delete_files(shard)
        assert faulty.faults.calls.count(FIRST_CALL) - before >= MORE_THAN_A_PAGE
        faulty.faults.end_outage()
        async with silent_s3(faulty), asyncio.timeout(60):
            await sweeper.delete_files(shard)
    monkeypatch.undo()
    await sweeper.delete_files(shard)
    assert [await store.get(each.account_id, each.export_id) for each in expired] == [None] * MORE_THAN_A_PAGE
