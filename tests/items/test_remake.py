"""A changed recipe for items that are ready: they stay as they are until the new files are there, and can go back."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.items.claims import MOST_LOST_ATTEMPTS, ClaimLost
from app.items.keys import rendition_key
from app.items.remake import FORMER_KEPT
from app.items.remake_work import RemakeWork
from app.items.reprocessing import Reprocessing
from app.items.row import ItemRow, Result, StoredFailure, StoredRendition
from app.stores.resources import BULK_QUEUE
from shared.events import EventType
from shared.ids import new_item_id
from shared.items import FailureCode, ItemKind, ItemState, ReceiptStep
from tests.house import House, ManualClock
from tests.items.test_upkeep import attend, keys_of

OLD, NEW = "oldrecipe", "newrecipe"


@pytest.fixture
def remakes(house: House) -> RemakeWork:
    return RemakeWork(house.base.items.store, house.base.items.changes, house.work, NEW, house.base.clock)


async def result_of(house: House, row: ItemRow, recipe: str, attempt: int, folder: Path) -> Result:
    """Of one file, which is in S3."""
    file = folder / "small.webp"
    file.write_bytes(f"{recipe} {attempt}".encode())
    key = rendition_key(row.account_id, row.item_id, recipe, attempt, file.name)
    await house.base.amazon.objects.upload_made(key, file, content_type="image/webp", cache_control="private")
    stored = StoredRendition("small", file.name, "image/webp", 4, 3, file.stat().st_size, "00" * 32)
    return Result(recipe, attempt, 4, 3, None, "AAAA", None, (stored,))


async def an_old_item(house: House, folder: Path, *steps: ReceiptStep) -> ItemRow:
    """Ready, by the recipe of an earlier release."""
    row = await house.queued(f"an old photo {new_item_id()}".encode())
    claimed = await house.work.claim(row.account_id, row.item_id)
    result = await result_of(house, row, OLD, claimed.attempt, folder)
    return await house.work.finish(claimed, ItemKind.IMAGE, result, steps)


def reprocessing(house: House, recipe: str = NEW) -> Reprocessing:
    return Reprocessing(
        house.base.items.store,
        house.base.items.changes,
        house.base.amazon.queues,
        recipe,
        house.base.clock,
        house.account,
    )


async def asked(house: House, row: ItemRow) -> ItemRow:
    assert await reprocessing(house)._ask(row)
    return await house.row(row)


async def remade(house: House, remakes: RemakeWork, row: ItemRow, folder: Path) -> ItemRow:
    claimed = await remakes.claim(row.account_id, row.item_id)
    result = await result_of(house, row, NEW, claimed.attempt, folder)
    return await remakes.finish(claimed, ItemKind.IMAGE, result, [])


async def told(house: House, row: ItemRow) -> list[EventType]:
    page = await house.base.events.log.read(row.account_id, 0, limit=100)
    return [event.type for event in page.events if event.subject == row.item_id]


async def messages_about(house: House, row: ItemRow) -> list[dict[str, object]]:
    """Takes what the bulk lane holds; other tests' messages count for nothing."""
    queues, found = house.base.amazon.queues, []
    while messages := await queues.receive(BULK_QUEUE, most=10, wait_seconds=0):
        for message in messages:
            found += [message.body] if message.body["item_id"] == row.item_id else []
            await queues.delete(BULK_QUEUE, message.receipt_handle)
    return found


async def test_an_item_stays_ready_with_its_old_files_until_the_new_ones_count(
    house: House, remakes: RemakeWork, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    claimed = await remakes.claim(row.account_id, row.item_id)
    during = await house.row(row)
    assert (during.state, during.result) == (ItemState.READY, row.result)
    result = await result_of(house, row, NEW, claimed.attempt, tmp_path)
    after = await remakes.finish(claimed, ItemKind.IMAGE, result, [])
    assert (after.state, after.result, after.version) == (ItemState.READY, result, row.version)
    assert await told(house, row) == [EventType.ITEM_CREATED, EventType.ITEM_READY, EventType.ITEM_UPDATED]


async def test_old_files_are_kept_thirty_days_and_then_removed(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    after = await remade(house, remakes, row, tmp_path)
    clock.now += FORMER_KEPT - timedelta(minutes=1)
    await attend(house, row)
    assert len(await keys_of(house, row)) == 3
    clock.advance(minutes=2)
    await attend(house, row)
    assert after.result is not None
    assert [key.split("/")[3] for key in (await keys_of(house, row))[1:]] == [NEW]
    assert ((await house.row(row)).former, (await house.row(row)).due_at) == ((), None)


async def test_rolling_back_names_the_old_files_at_once_and_once_only(
    house: House, remakes: RemakeWork, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    await remade(house, remakes, row, tmp_path)
    assert await reprocessing(house).roll_back() == 1
    assert (await house.row(row)).result == row.result
    revision = (await house.row(row)).revision
    await reprocessing(house).roll_back()
    assert (await house.row(row)).revision == revision


async def test_after_a_way_back_the_new_files_are_named_again_without_work(
    house: House, remakes: RemakeWork, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    after = await remade(house, remakes, row, tmp_path)
    await reprocessing(house).roll_back()
    assert await reprocessing(house)._name_again(await house.row(row))
    again = await house.row(row)
    assert (again.result, again.attempt) == (after.result, after.attempt)
    assert await reprocessing(house, OLD)._name_again(again), "the old release goes back the same way"
    assert (await house.row(row)).result == row.result


async def test_a_failed_remake_leaves_the_item_as_it_was(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    claimed = await remakes.claim(row.account_id, row.item_id)
    await result_of(house, row, NEW, claimed.attempt, tmp_path)
    await remakes.fail(claimed, StoredFailure(FailureCode.DAMAGED, "It is damaged.", retryable=False), [])
    after = await house.row(row)
    assert (after.state, after.result, after.failure) == (ItemState.READY, row.result, None)
    with pytest.raises(ClaimLost):
        await remakes.claim(row.account_id, row.item_id)
    clock.advance(minutes=2)
    await attend(house, row)
    assert [key.split("/")[3] for key in (await keys_of(house, row))[1:]] == [OLD]
    assert EventType.ITEM_FAILED not in await told(house, row)


async def test_nobody_remakes_unasked_twice_or_by_another_recipe(
    house: House, remakes: RemakeWork, tmp_path: Path
) -> None:
    row = await an_old_item(house, tmp_path)
    with pytest.raises(ClaimLost):
        await remakes.claim(row.account_id, row.item_id)
    await asked(house, row)
    other = RemakeWork(house.base.items.store, house.base.items.changes, house.work, "third", house.base.clock)
    with pytest.raises(ClaimLost):
        await other.claim(row.account_id, row.item_id)
    await remakes.claim(row.account_id, row.item_id)
    with pytest.raises(ClaimLost):
        await remakes.claim(row.account_id, row.item_id)


async def test_a_worker_that_lost_its_claim_writes_nothing_and_its_files_go(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    late = await remakes.claim(row.account_id, row.item_id)
    result = await result_of(house, row, NEW, late.attempt, tmp_path)
    await remakes.renew(late)
    clock.advance(seconds=61)
    await attend(house, row)
    with pytest.raises(ClaimLost):
        await remakes.finish(late, ItemKind.IMAGE, result, [])
    with pytest.raises(ClaimLost):
        await remakes.check(late)
    clock.advance(minutes=2)
    await attend(house, row)
    assert [key.split("/")[3] for key in (await keys_of(house, row))[1:]] == [OLD]


async def test_what_a_remake_writes_survives_a_clean_up_that_is_due_meanwhile(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    await remakes.give_back(await remakes.claim(row.account_id, row.item_id))
    claimed = await remakes.claim(row.account_id, row.item_id)
    result = await result_of(house, row, NEW, claimed.attempt, tmp_path)
    for _ in range(4):
        clock.advance(seconds=45)
        await remakes.renew(claimed)
        await attend(house, row)
    assert (await remakes.finish(claimed, ItemKind.IMAGE, result, [])).result == result
    clock.advance(minutes=2)
    await attend(house, row)
    assert {key.split("/")[3] for key in (await keys_of(house, row))[1:]} == {OLD, NEW}


async def test_a_file_that_kills_its_workers_is_given_up_after_five(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await an_old_item(house, tmp_path)
    for _ in range(MOST_LOST_ATTEMPTS):
        await asked(house, row)
        await remakes.claim(row.account_id, row.item_id)
        clock.advance(minutes=3)
        await attend(house, row)
    after = await house.row(row)
    assert after.remake is not None
    assert (after.state, after.result, after.remake.failed) == (ItemState.READY, row.result, True)


async def test_deleting_ends_a_remake_and_restoring_brings_the_old_files_back(
    house: House, remakes: RemakeWork, clock: ManualClock, tmp_path: Path
) -> None:
    row = await asked(house, await an_old_item(house, tmp_path))
    claimed = await remakes.claim(row.account_id, row.item_id)
    await house.trash.delete(row, None)
    result = await result_of(house, row, NEW, claimed.attempt, tmp_path)
    with pytest.raises(ClaimLost):
        await remakes.finish(claimed, ItemKind.IMAGE, result, [])
    clock.advance(minutes=2)
    await attend(house, row)
    restored = await house.trash.restore(await house.row(row))
    assert (restored.state, restored.result) == (ItemState.READY, row.result)
    assert [key.split("/")[3] for key in (await keys_of(house, row))[1:]] == [OLD]


async def test_asking_again_sends_only_what_nobody_took(house: House, clock: ManualClock, tmp_path: Path) -> None:
    row = await an_old_item(house, tmp_path)
    for minutes, messages in ((0, 1), (1, 0), (2, 1)):
        clock.advance(minutes=minutes)
        await asked(house, row)
        sent = await messages_about(house, row)
        assert sent == [{"account_id": row.account_id, "item_id": row.item_id, "remake": True}] * messages


async def test_the_survey_counts_what_is_stale_and_measures_receipts(
    house: House, remakes: RemakeWork, tmp_path: Path
) -> None:
    step = ReceiptStep(at=house.base.clock(), step="make", attempt=1, seconds=2.5)
    row = await an_old_item(house, tmp_path, step)
    for _ in range(2):
        await an_old_item(house, tmp_path)
    survey = await reprocessing(house).survey()
    assert (survey.ready, survey.stale, survey.seconds) == (3, 3, 7.5)
    await remade(house, remakes, await asked(house, row), tmp_path)
    survey = await reprocessing(house).survey()
    assert (survey.ready, survey.stale, survey.seconds) == (3, 2, None), "nothing is left to measure by"
    await reprocessing(house).roll_back()
    survey = await reprocessing(house).survey()
    assert (survey.stale, survey.named_again) == (3, 1)
