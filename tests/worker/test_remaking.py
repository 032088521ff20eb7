"""Items of an earlier recipe made anew by this release's, with the real decoders, ready all the while."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.items.remake_work import RemakeWork
from app.items.reprocessing import Outcome, Reprocessing
from app.items.row import ItemRow, Result
from app.media.recipe import recipe_hash
from app.stores.resources import BULK_QUEUE
from app.stores.sqs import Message
from app.worker.attempt import Attempts
from app.worker.files import AttemptFiles
from app.worker.progress import Encodes
from app.worker.remaking import BulkLane, Silence, remake_attempts
from shared.ids import ItemId
from shared.items import ItemKind, ItemState
from shared.task_group import TaskGroup
from tests.house import House
from tests.worker.bench import Bench, a_detailed_photo, a_tiny_photo
from tests.worker.films import a_film

OLD = Result("oldrecipe", 1, 4, 3, None, "AAAA", None, ())
PLENTY_SECONDS = 60


@pytest.fixture
def remakes(bench: Bench) -> Attempts:
    house, base = bench.house, bench.house.base
    work = RemakeWork(base.items.store, base.items.changes, house.work, recipe_hash(), base.clock)
    objects, queues = base.amazon.objects, base.amazon.queues
    files, encodes = AttemptFiles(objects, bench.scratch), Encodes(Silence(), base.clock)
    return remake_attempts(work, files, objects, bench.decoders, encodes, queues, base.signals.nudges, base.clock)


@pytest.fixture
def reprocessing(house: House) -> Reprocessing:
    base = house.base
    queues = base.amazon.queues
    return Reprocessing(base.items.store, base.items.changes, queues, recipe_hash(), base.clock, house.account)


async def an_old_item(house: House, content: bytes, kind: ItemKind = ItemKind.IMAGE) -> ItemRow:
    """As an earlier release left it."""
    row = await house.queued(content)
    return await house.work.finish(await house.work.claim(row.account_id, row.item_id), kind, OLD, [])


async def handled(house: House, remakes: Attempts, reprocessing: Reprocessing, row: ItemRow) -> ItemRow:
    """Asked for and worked on once."""
    await reprocessing._ask(row)
    body = {"account_id": row.account_id, "item_id": row.item_id, "remake": True}
    await remakes.handle(Message(body, "stale", 1))
    return await house.row(row)


async def test_a_photo_gets_this_releases_files(
    house: House, remakes: Attempts, reprocessing: Reprocessing, bench: Bench
) -> None:
    row = await handled(house, remakes, reprocessing, await an_old_item(house, a_tiny_photo()))
    assert row.result is not None
    assert (row.state, row.result.recipe, row.result.attempt) == (ItemState.READY, recipe_hash(), 2)
    assert [each.name for each in house.items.shown(row).renditions] == ["large", "fallback", "medium", "small"]
    assert ("remade", 2) in await bench.receipt(row)
    assert not list(bench.scratch.iterdir())


async def test_a_video_gets_poster_and_ladder_under_one_claim_and_says_nothing_before_its_end(
    house: House, remakes: Attempts, reprocessing: Reprocessing, tmp_path: Path
) -> None:
    film = await asyncio.to_thread(a_film, tmp_path, seconds=3)
    row = await handled(house, remakes, reprocessing, await an_old_item(house, film, ItemKind.VIDEO))
    assert (row.result, row.ladder) != (None, None)
    assert row.result is not None
    assert row.result.folders == {(recipe_hash(), 2)}
    names = [each.name for each in house.items.shown(row).renditions]
    assert names == ["large", "fallback", "medium", "small", "video", "storyboard", "storyboard_track"]
    page = await house.base.events.log.read(house.account, 0, limit=100)
    assert [event.type for event in page.events] == ["item.created", "item.ready", "item.updated"]
    assert house.playback.playlist_url(row)


@pytest.mark.parametrize("content", [lambda: b"no photo at all", a_detailed_photo], ids=["damaged", "kills"])
async def test_what_cannot_be_made_anew_stays_as_it_was(
    house: House, remakes: Attempts, reprocessing: Reprocessing, content: Callable[[], bytes]
) -> None:
    before = await an_old_item(house, content())
    row = await handled(house, remakes, reprocessing, before)
    assert (row.state, row.result, row.failure, row.claim) == (ItemState.READY, OLD, None, None)
    assert row.remake is not None
    assert row.remake.failed


async def test_a_run_remakes_all_that_is_stale_a_few_at_a_time_and_tells_of_each(
    house: House, bench: Bench, remakes: Attempts, reprocessing: Reprocessing
) -> None:
    good = [await an_old_item(house, a_tiny_photo()) for _ in range(3)]
    bad = await an_old_item(house, b"no photo at all")
    heard: dict[ItemId, Outcome] = {}
    async with asyncio.timeout(PLENTY_SECONDS), TaskGroup() as tasks:
        working = tasks.create_task(work_on_the_bulk_lane(house, BulkLane(bench.bulk, remakes)))
        await reprocessing.run(1, lambda outcome, item: heard.__setitem__(item, outcome))
        working.cancel()
    assert {heard[row.item_id] for row in good} == {Outcome.REMADE}
    assert heard[bad.item_id] is Outcome.FAILED
    assert OLD not in [(await house.row(row)).result for row in good]


async def test_new_uploads_go_first(house: House, reprocessing: Reprocessing) -> None:
    """The lane holds a message of somebody else's."""
    row = await an_old_item(house, a_tiny_photo())
    body = {"account_id": row.account_id, "item_id": "a new video"}
    await house.base.amazon.queues.send(BULK_QUEUE, body, group=row.account_id)
    assert await reprocessing._others_wait({})
    assert not await reprocessing._others_wait({row.item_id: row}), "one is our own"


async def test_each_message_of_the_bulk_lane_comes_to_its_own_worker(
    house: House, bench: Bench, remakes: Attempts, reprocessing: Reprocessing
) -> None:
    row = await an_old_item(house, a_tiny_photo())
    await reprocessing._ask(row)
    lane = BulkLane(bench.bulk, remakes)
    await lane.handle(Message({"account_id": row.account_id, "item_id": row.item_id}, "stale", 1))
    assert (await house.row(row)).result == OLD
    await lane.handle(Message({"account_id": row.account_id, "item_id": row.item_id, "remake": True}, "stale", 1))
    assert (await house.row(row)).result != OLD


async def work_on_the_bulk_lane(house: House, lane: BulkLane) -> None:
    queues = house.base.amazon.queues
    while True:
        for message in await queues.receive(BULK_QUEUE, most=2, wait_seconds=1):
            await lane.handle(message)
