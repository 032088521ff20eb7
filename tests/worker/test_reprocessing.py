"""Items of an earlier recipe are reprocessed with the real decoders and stay ready meanwhile."""

import asyncio
from collections.abc import Callable

import pytest

from app.items.reprocessing.service.reprocessing import Outcome, Reprocessing
from app.items.reprocessing.service.work import ReprocessWork
from app.items.schema.row import ItemRow, Lane, Result
from app.items.store import ItemStore
from app.items.wiring import build_reprocessing
from app.jobs.attempt import AttemptRunner
from app.media.recipe import recipe_hash
from app.stores.resources import BULK_QUEUE
from app.stores.sqs import Message
from app.worker.files import AttemptFiles
from app.worker.item_attempts import ItemJob, item_attempts
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.reprocessing import BulkLane, NullChannel, ReprocessPipeline
from app.worker.video import VideoPipeline
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ItemKind, ItemState
from darkroom_shared.task_group import TaskGroup
from tests.services import Services
from tests.worker.harness import WorkerHarness, a_detailed_photo, a_tiny_photo, attempt_parts
from tests.worker.sample_videos import a_video

OLD = Result("oldrecipe", 1, 4, 3, None, "AAAA", None, ())
PLENTY_SECONDS = 60


@pytest.fixture
def reprocess_work(harness: WorkerHarness) -> AttemptRunner[ItemJob]:
    services, base = harness.services, harness.services.base
    work = ReprocessWork(
        store=ItemStore(base.amazon.dynamo),
        changes=base.items.changes,
        work=services.work,
        recipe=recipe_hash(),
        clock=base.clock,
    )
    files, encodes = AttemptFiles(base.amazon.objects, harness.scratch), Encodes(NullChannel(), base.clock)
    videos = VideoPipeline(
        files=files, objects=base.amazon.objects, work=work, decoders=harness.decoders, encodes=encodes
    )
    pipeline = ReprocessPipeline(Pipeline(files, work, harness.decoders), videos)
    return item_attempts(lane=Lane.BULK, work=work, pipeline=pipeline, parts=attempt_parts(base))


@pytest.fixture
def reprocessing(services: Services) -> Reprocessing:
    return build_reprocessing(clients=services.base.clients, parts=services.base.items, account=services.account)


async def an_old_item(services: Services, content: bytes, kind: ItemKind = ItemKind.IMAGE) -> ItemRow:
    """Return a ready item as an earlier release made it."""
    row = await services.queued(content)
    return await services.work.finish(await services.work.claim(row.account_id, row.item_id), kind, OLD, [])


async def handled(
    services: Services, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing, row: ItemRow
) -> ItemRow:
    """Request the item's reprocessing and handle its message once."""
    await reprocessing._request(row)
    body = {"account_id": row.account_id, "item_id": row.item_id, "remake": True}
    await reprocess_work.handle(Message(body, "stale", 1))
    return await services.row(row)


async def test_a_photo_gets_files_of_this_releases_recipe(
    services: Services, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing, harness: WorkerHarness
) -> None:
    row = await handled(services, reprocess_work, reprocessing, await an_old_item(services, a_tiny_photo()))
    assert row.result is not None
    assert (row.state, row.result.recipe, row.result.attempt) == (ItemState.READY, recipe_hash(), 2)
    assert [each.name for each in services.representation.to_wire(row).renditions] == [
        "large",
        "fallback",
        "medium",
        "small",
    ]
    assert ("remade", 2) in await harness.receipt(row)
    assert not list(harness.scratch.iterdir())


async def test_a_video_gets_poster_and_ladder_in_one_claim_and_one_event(
    services: Services, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing
) -> None:
    video = await asyncio.to_thread(a_video, seconds=3)
    row = await handled(services, reprocess_work, reprocessing, await an_old_item(services, video, ItemKind.VIDEO))
    assert (row.result, row.ladder) != (None, None)
    assert row.result is not None
    assert row.result.folders == {(recipe_hash(), 2)}
    names = [each.name for each in services.representation.to_wire(row).renditions]
    assert names == ["large", "fallback", "medium", "small", "video", "storyboard", "storyboard_track"]
    page = await services.base.events.log.read(services.account, 0, limit=100)
    assert [event.type for event in page.events] == ["item.created", "item.ready", "item.updated"]
    assert services.playback.playlist_url(row)


@pytest.mark.parametrize("content", [lambda: b"no photo at all", a_detailed_photo], ids=["damaged", "kills"])
async def test_an_item_that_cannot_be_reprocessed_stays_unchanged(
    services: Services, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing, content: Callable[[], bytes]
) -> None:
    before = await an_old_item(services, content())
    row = await handled(services, reprocess_work, reprocessing, before)
    assert (row.state, row.result, row.failure, row.claim) == (ItemState.READY, OLD, None, None)
    assert row.remake is not None
    assert row.remake.failed


async def test_a_run_reprocesses_stale_items_in_small_batches_and_reports_each(
    services: Services, harness: WorkerHarness, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing
) -> None:
    good = [await an_old_item(services, a_tiny_photo()) for _ in range(3)]
    bad = await an_old_item(services, b"no photo at all")
    outcomes: dict[ItemId, Outcome] = {}
    async with asyncio.timeout(PLENTY_SECONDS), TaskGroup() as tasks:
        working = tasks.create_task(work_on_the_bulk_lane(services, BulkLane(harness.bulk, reprocess_work)))
        await reprocessing.run(1, lambda outcome, item: outcomes.__setitem__(item, outcome))
        working.cancel()
    assert {outcomes[row.item_id] for row in good} == {Outcome.REPROCESSED}
    assert outcomes[bad.item_id] is Outcome.FAILED
    assert OLD not in [(await services.row(row)).result for row in good]


async def test_new_uploads_take_precedence_over_reprocessing(services: Services, reprocessing: Reprocessing) -> None:
    """The lane holds another item's message, and nothing that an earlier test received without deleting it."""
    row = await an_old_item(services, a_tiny_photo())
    body = {"account_id": row.account_id, "item_id": "a new video"}
    queues = services.base.amazon.queues
    await queues._client.purge_queue(QueueUrl=await queues._url(BULK_QUEUE))
    await queues.send(BULK_QUEUE, body, group=row.account_id)
    assert await reprocessing._other_work_waits({})
    assert not await reprocessing._other_work_waits({row.item_id: row}), (
        "one message is counted as the requested item's"
    )


async def test_each_message_of_the_bulk_lane_reaches_its_own_worker(
    services: Services, harness: WorkerHarness, reprocess_work: AttemptRunner[ItemJob], reprocessing: Reprocessing
) -> None:
    row = await an_old_item(services, a_tiny_photo())
    await reprocessing._request(row)
    lane = BulkLane(harness.bulk, reprocess_work)
    await lane.handle(Message({"account_id": row.account_id, "item_id": row.item_id}, "stale", 1))
    assert (await services.row(row)).result == OLD
    await lane.handle(Message({"account_id": row.account_id, "item_id": row.item_id, "remake": True}, "stale", 1))
    assert (await services.row(row)).result != OLD


async def work_on_the_bulk_lane(services: Services, lane: BulkLane) -> None:
    queues = services.base.amazon.queues
    while True:
        for message in await queues.receive(BULK_QUEUE, limit=2, wait_seconds=1):
            await lane.handle(message)
            await queues.delete(BULK_QUEUE, message.receipt_handle)
