"""Reprocessing with a new recipe: an item stays ready with its old files until the new ones exist, and can roll
back.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from app.items.reprocessing.service.reprocessing import Reprocessing
from app.items.reprocessing.service.rules import PREVIOUS_RETENTION
from app.items.reprocessing.service.work import ReprocessWork
from app.items.schema.keys import rendition_key
from app.items.schema.row import ItemRow, Result, StoredFailure, StoredRendition
from app.items.store import ItemStore
from app.jobs.claim import MAX_LOST_ATTEMPTS, ClaimLost
from app.stores.resources import BULK_QUEUE
from darkroom_shared.events import EventType
from darkroom_shared.ids import new_item_id
from darkroom_shared.items import FailureCode, ItemKind, ItemState, ReceiptStep
from tests.items.test_maintenance import keys_of, process
from tests.services import ManualClock, Services

OLD, NEW = "oldrecipe", "newrecipe"


@pytest.fixture
def reprocess_work(services: Services) -> ReprocessWork:
    return ReprocessWork(
        store=ItemStore(services.base.amazon.dynamo),
        changes=services.base.items.changes,
        work=services.work,
        recipe=NEW,
        clock=services.base.clock,
    )


async def result_of(services: Services, row: ItemRow, recipe: str, attempt: int, folder: Path) -> Result:
    """Return a result of one file, which is stored in S3."""
    file = folder / "small.webp"
    file.write_bytes(f"{recipe} {attempt}".encode())
    key = rendition_key(row.account_id, row.item_id, recipe, attempt, file.name)
    await services.base.amazon.objects.upload_small_file(key, file, content_type="image/webp", cache_control="private")
    stored = StoredRendition("small", file.name, "image/webp", 4, 3, file.stat().st_size, "00" * 32)
    return Result(recipe, attempt, 4, 3, None, "AAAA", None, (stored,))


async def an_old_item(services: Services, folder: Path, *steps: ReceiptStep) -> ItemRow:
    """Return a ready item whose files were made by an earlier release's recipe."""
    row = await services.queued(f"an old photo {new_item_id()}".encode())
    claimed = await services.work.claim(row.account_id, row.item_id)
    result = await result_of(services, row, OLD, claimed.attempt, folder)
    return await services.work.finish(claimed, ItemKind.IMAGE, result, steps)


def reprocessing(services: Services, recipe: str = NEW) -> Reprocessing:
    return Reprocessing(
        store=ItemStore(services.base.amazon.dynamo),
        changes=services.base.items.changes,
        queues=services.base.amazon.queues,
        recipe=recipe,
        clock=services.base.clock,
        account=services.account,
    )


async def requested(services: Services, row: ItemRow) -> ItemRow:
    assert await reprocessing(services)._request(row)
    return await services.row(row)


async def reprocessed(services: Services, reprocess_work: ReprocessWork, row: ItemRow, folder: Path) -> ItemRow:
    claimed = await reprocess_work.claim(row.account_id, row.item_id)
    result = await result_of(services, row, NEW, claimed.attempt, folder)
    return await reprocess_work.finish(claimed, ItemKind.IMAGE, result, [])


async def published_events(services: Services, row: ItemRow) -> list[EventType]:
    page = await services.base.events.log.read(row.account_id, 0, limit=100)
    return [event.type for event in page.events if event.subject == row.item_id]


async def messages_about(services: Services, row: ItemRow) -> list[dict[str, object]]:
    """Empty the bulk lane and return the messages for this item; other tests' messages do not count."""
    queues, result = services.base.amazon.queues, []
    while messages := await queues.receive(BULK_QUEUE, limit=10, wait_seconds=0):
        for message in messages:
            result += [message.body] if message.body["item_id"] == row.item_id else []
            await queues.delete(BULK_QUEUE, message.receipt_handle)
    return result


async def test_an_item_stays_ready_with_its_old_files_until_the_new_ones_are_committed(
    services: Services, reprocess_work: ReprocessWork, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    claimed = await reprocess_work.claim(row.account_id, row.item_id)
    during = await services.row(row)
    assert (during.state, during.result) == (ItemState.READY, row.result)
    result = await result_of(services, row, NEW, claimed.attempt, tmp_path)
    after = await reprocess_work.finish(claimed, ItemKind.IMAGE, result, [])
    assert (after.state, after.result, after.version) == (ItemState.READY, result, row.version)
    assert await published_events(services, row) == [
        EventType.ITEM_CREATED,
        EventType.ITEM_READY,
        EventType.ITEM_UPDATED,
    ]


async def test_old_files_are_retained_for_thirty_days_and_then_deleted(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    after = await reprocessed(services, reprocess_work, row, tmp_path)
    clock.now += PREVIOUS_RETENTION - timedelta(minutes=1)
    await process(services, row)
    assert len(await keys_of(services, row)) == 3
    clock.advance(minutes=2)
    await process(services, row)
    assert after.result is not None
    assert [key.split("/")[3] for key in (await keys_of(services, row))[1:]] == [NEW]
    assert ((await services.row(row)).former, (await services.row(row)).due_at) == ((), None)


async def test_a_rollback_restores_the_old_files_immediately_and_only_once(
    services: Services, reprocess_work: ReprocessWork, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    await reprocessed(services, reprocess_work, row, tmp_path)
    assert await reprocessing(services).roll_back() == 1
    assert (await services.row(row)).result == row.result
    revision = (await services.row(row)).revision
    await reprocessing(services).roll_back()
    assert (await services.row(row)).revision == revision


async def test_after_a_rollback_the_new_files_are_reused_without_processing(
    services: Services, reprocess_work: ReprocessWork, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    after = await reprocessed(services, reprocess_work, row, tmp_path)
    await reprocessing(services).roll_back()
    assert await reprocessing(services)._restore_previous(await services.row(row))
    again = await services.row(row)
    assert (again.result, again.attempt) == (after.result, after.attempt)
    assert await reprocessing(services, OLD)._restore_previous(again), "the previous release rolls back in the same way"
    assert (await services.row(row)).result == row.result


async def test_a_failed_reprocess_leaves_the_item_unchanged(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    claimed = await reprocess_work.claim(row.account_id, row.item_id)
    await result_of(services, row, NEW, claimed.attempt, tmp_path)
    await reprocess_work.fail(claimed, StoredFailure(FailureCode.DAMAGED, "It is damaged.", retryable=False), [])
    after = await services.row(row)
    assert (after.state, after.result, after.failure) == (ItemState.READY, row.result, None)
    with pytest.raises(ClaimLost):
        await reprocess_work.claim(row.account_id, row.item_id)
    clock.advance(minutes=2)
    await process(services, row)
    assert [key.split("/")[3] for key in (await keys_of(services, row))[1:]] == [OLD]
    assert EventType.ITEM_FAILED not in await published_events(services, row)


async def test_reprocessing_runs_once_per_request_and_only_with_its_recipe(
    services: Services, reprocess_work: ReprocessWork, tmp_path: Path
) -> None:
    row = await an_old_item(services, tmp_path)
    with pytest.raises(ClaimLost):
        await reprocess_work.claim(row.account_id, row.item_id)
    await requested(services, row)
    other = ReprocessWork(
        store=ItemStore(services.base.amazon.dynamo),
        changes=services.base.items.changes,
        work=services.work,
        recipe="third",
        clock=services.base.clock,
    )
    with pytest.raises(ClaimLost):
        await other.claim(row.account_id, row.item_id)
    await reprocess_work.claim(row.account_id, row.item_id)
    with pytest.raises(ClaimLost):
        await reprocess_work.claim(row.account_id, row.item_id)


async def test_a_worker_without_a_valid_claim_writes_no_result_and_its_files_are_deleted(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    late = await reprocess_work.claim(row.account_id, row.item_id)
    result = await result_of(services, row, NEW, late.attempt, tmp_path)
    await reprocess_work.renew(late)
    clock.advance(seconds=61)
    await process(services, row)
    with pytest.raises(ClaimLost):
        await reprocess_work.finish(late, ItemKind.IMAGE, result, [])
    with pytest.raises(ClaimLost):
        await reprocess_work.check(late)
    clock.advance(minutes=2)
    await process(services, row)
    assert [key.split("/")[3] for key in (await keys_of(services, row))[1:]] == [OLD]


async def test_files_of_a_reprocess_survive_a_concurrent_cleanup(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    await reprocess_work.return_claim(await reprocess_work.claim(row.account_id, row.item_id))
    claimed = await reprocess_work.claim(row.account_id, row.item_id)
    result = await result_of(services, row, NEW, claimed.attempt, tmp_path)
    for _ in range(4):
        clock.advance(seconds=45)
        await reprocess_work.renew(claimed)
        await process(services, row)
    assert (await reprocess_work.finish(claimed, ItemKind.IMAGE, result, [])).result == result
    clock.advance(minutes=2)
    await process(services, row)
    assert {key.split("/")[3] for key in (await keys_of(services, row))[1:]} == {OLD, NEW}


async def test_a_file_that_kills_its_workers_is_not_tried_again_after_five_attempts(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await an_old_item(services, tmp_path)
    for _ in range(MAX_LOST_ATTEMPTS):
        await requested(services, row)
        await reprocess_work.claim(row.account_id, row.item_id)
        clock.advance(minutes=3)
        await process(services, row)
    after = await services.row(row)
    assert after.remake is not None
    assert (after.state, after.result, after.remake.failed) == (ItemState.READY, row.result, True)


async def test_deleting_ends_a_reprocess_and_restoring_returns_the_old_files(
    services: Services, reprocess_work: ReprocessWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await requested(services, await an_old_item(services, tmp_path))
    claimed = await reprocess_work.claim(row.account_id, row.item_id)
    await services.trash.delete(row, None)
    result = await result_of(services, row, NEW, claimed.attempt, tmp_path)
    with pytest.raises(ClaimLost):
        await reprocess_work.finish(claimed, ItemKind.IMAGE, result, [])
    clock.advance(minutes=2)
    await process(services, row)
    restored = await services.trash.restore(await services.row(row))
    assert (restored.state, restored.result) == (ItemState.READY, row.result)
    assert [key.split("/")[3] for key in (await keys_of(services, row))[1:]] == [OLD]


async def test_requesting_again_sends_only_unclaimed_items(
    services: Services, clock: ManualClock, tmp_path: Path
) -> None:
    row = await an_old_item(services, tmp_path)
    for minutes, messages in ((0, 1), (1, 0), (2, 1)):
        clock.advance(minutes=minutes)
        await requested(services, row)
        sent = await messages_about(services, row)
        assert sent == [{"account_id": row.account_id, "item_id": row.item_id, "remake": True}] * messages


async def test_the_survey_counts_stale_items_and_sums_the_times_of_their_receipts(
    services: Services, reprocess_work: ReprocessWork, tmp_path: Path
) -> None:
    step = ReceiptStep(at=services.base.clock(), step="make", attempt=1, seconds=2.5)
    row = await an_old_item(services, tmp_path, step)
    for _ in range(2):
        await an_old_item(services, tmp_path)
    survey = await reprocessing(services).survey()
    assert (survey.ready, survey.stale, survey.seconds) == (3, 3, 7.5)
    await reprocessed(services, reprocess_work, await requested(services, row), tmp_path)
    survey = await reprocessing(services).survey()
    assert (survey.ready, survey.stale, survey.seconds) == (3, 2, None), "no receipt has a duration to estimate by"
    await reprocessing(services).roll_back()
    survey = await reprocessing(services).survey()
    assert (survey.stale, survey.restored) == (3, 1)
