"""An exception at each call of each pipeline costs one attempt of one job."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.exports.wiring import build_export_work, build_exports
from app.items.reprocessing.service import rules
from app.items.schema.row import ItemRow, Lane, Result
from app.items.service.lifecycle import LEASE
from app.items.wiring import build_item_work
from app.jobs.attempt import AttemptRunner
from app.jobs.isolation import isolate
from app.media.recipe import recipe_hash
from app.stores.sqs import Message
from app.worker.export_attempts import export_attempts
from app.worker.files import AttemptFiles
from app.worker.item_attempts import item_attempts
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.reprocessing import ReprocessPipeline
from app.worker.video import VideoPipeline
from darkroom_shared.ids import new_account_id
from darkroom_shared.items import ItemKind
from tests.jobs.breaking import Script
from tests.services import ManualClock
from tests.worker.harness import WorkerHarness, a_tiny_photo, attempt_parts
from tests.worker.sample_videos import a_video
from tests.worker.test_animations import a_gif

OLD = Result("oldrecipe", 1, 4, 3, None, "AAAA", None, ())


@dataclass(frozen=True, slots=True)
class Case:
    """Makes jobs of one kind, and attempts whose parts follow a script."""

    new: Callable[[], Awaitable[Message]]
    attempts: Callable[[Script], AttemptRunner[Any]]
    outcome: Callable[[Message], Awaitable[tuple[bool, int]]]
    """Returns whether the job is done, and its lost attempts."""


async def break_each_call(
    case: Case, clock: ManualClock, *, after: bool = False, only: Collection[str] | None = None
) -> None:
    """Run once without a fault, then once for each call that this run made, and complete each job afterwards.

    `only` names the calls to break, all of which the run must make.
    """
    script = Script()
    job = await case.new()
    await case.attempts(script).handle(job)
    assert await case.outcome(job) == (True, 0)
    calls = dict.fromkeys(script.calls)
    assert set(only or ()) <= calls.keys()
    for name in calls if only is None else only:
        job = await case.new()
        await isolate(case.attempts(Script(name, after=after)).handle(job), name)
        done, lost_attempts = await case.outcome(job)
        assert (done, lost_attempts) == (False, 1) or (after and done), name
        if not done:
            clock.advance(seconds=6)
            await case.attempts(Script()).handle(job)
            assert (await case.outcome(job))[0], name


def item_case(harness: WorkerHarness, content: Callable[[], bytes], lane: Lane = Lane.EXPRESS) -> Case:
    """Express: until the item is ready, or handed off to the other lane. Bulk: the second stage of a video."""
    services, base = harness.services, harness.services.base
    rows: dict[str, ItemRow] = {}

    async def new() -> Message:
        row = await services.queued(content())
        rows[row.item_id] = row
        message = Message({"account_id": row.account_id, "item_id": row.item_id}, "stale", 1)
        if lane is Lane.BULK:
            await harness.attempts.handle(message)
        return message

    def attempts(script: Script) -> AttemptRunner[Any]:
        files = script.around("files", AttemptFiles(base.amazon.objects, harness.scratch))
        work, decoders = script.around("work", services.work), script.around("decoders", harness.decoders)
        pipeline: Any = Pipeline(files, work, decoders)
        if lane is Lane.BULK:
            objects, encodes = script.around("objects", base.amazon.objects), Encodes(base.signals, base.clock)
            pipeline = VideoPipeline(files=files, objects=objects, work=work, decoders=decoders, encodes=encodes)
        return item_attempts(lane=lane, work=services.work, pipeline=pipeline, parts=attempt_parts(base))

    async def outcome(message: Message) -> tuple[bool, int]:
        row = await services.row(rows[message.body["item_id"]])
        return row.result is not None and (lane is Lane.EXPRESS or row.ladder is not None), row.lost_attempts

    return Case(new, attempts, outcome)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_exception_at_any_call_costs_a_photo_one_attempt(
    harness: WorkerHarness, clock: ManualClock, after: bool
) -> None:
    await break_each_call(item_case(harness, a_tiny_photo), clock, after=after)


@pytest.mark.parametrize(
    "only",
    [["decoders.make_loop"], pytest.param(None, marks=pytest.mark.tier("full", "the calls that a photo needs, too"))],
    ids=["loop", "all"],
)
async def test_an_exception_at_any_call_costs_an_animation_one_attempt(
    harness: WorkerHarness, clock: ManualClock, only: list[str] | None
) -> None:
    colours = iter(range(1, 100))
    case = item_case(harness, lambda: a_gif(f"#{next(colours):06x}", "blue"))
    await break_each_call(case, clock, only=only)


@pytest.mark.tier("full", "all videos")
@pytest.mark.parametrize("lane", Lane)
async def test_an_exception_at_any_call_costs_a_video_one_attempt(
    harness: WorkerHarness, clock: ManualClock, lane: Lane
) -> None:
    await break_each_call(item_case(harness, lambda: a_video(seconds=1, size="64x36"), lane), clock)


async def test_a_failed_reprocessing_leaves_the_previous_files(harness: WorkerHarness, clock: ManualClock) -> None:
    """An item keeps its previous files; the attempt fails at once, and an operator may request it again."""
    services, base = harness.services, harness.services.base
    real = build_item_work(clients=base.clients, parts=base.items, lease=LEASE).reprocess_work

    async def request(row: ItemRow) -> Message:
        await base.items.changes.apply(
            row.account_id, row.item_id, lambda current: rules.request(current, recipe_hash(), clock())
        )
        return Message({"account_id": row.account_id, "item_id": row.item_id, "remake": True}, "stale", 1)

    def attempts(script: Script) -> AttemptRunner[Any]:
        files = script.around("files", AttemptFiles(base.amazon.objects, harness.scratch))
        work, decoders = script.around("work", real), script.around("decoders", harness.decoders)
        videos = VideoPipeline(
            files=files,
            objects=base.amazon.objects,
            work=work,
            decoders=decoders,
            encodes=Encodes(base.signals, base.clock),
        )
        pipeline = ReprocessPipeline(Pipeline(files, work, decoders), videos)
        return item_attempts(lane=Lane.BULK, work=real, pipeline=pipeline, parts=attempt_parts(base))

    async def an_old_item() -> ItemRow:
        row = await services.queued(a_tiny_photo())
        claimed = await services.work.claim(row.account_id, row.item_id)
        return await services.work.finish(claimed, ItemKind.IMAGE, OLD, [])

    script = Script()
    row = await an_old_item()
    await attempts(script).handle(await request(row))
    assert (await services.row(row)).result != OLD
    for name in dict.fromkeys(script.calls):
        row = await an_old_item()
        await isolate(attempts(Script(name)).handle(await request(row)), name)
        broken = await services.row(row)
        assert (broken.result, broken.claim) == (OLD, None), name
        assert broken.remake, name
        assert broken.remake.failed, name
        await attempts(Script()).handle(await request(row))
        assert (await services.row(row)).result != OLD, name


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_exception_at_any_call_costs_an_export_one_attempt(
    harness: WorkerHarness, clock: ManualClock, after: bool
) -> None:
    base = harness.services.base
    parts = build_export_work(base=base, lease=LEASE)
    exports = build_exports(base=base, delivery=harness.services.representation._delivery)["exports"]

    async def new() -> Message:
        account = new_account_id()
        await replace(harness.services, account=account).queued(a_tiny_photo())
        row = await exports.start(account)
        return Message({"account_id": account, "export_id": row.export_id}, "stale", 1)

    def attempts(script: Script) -> AttemptRunner[Any]:
        objects = script.around("objects", base.amazon.objects)
        inventory = script.around("inventory", parts.inventory)
        return export_attempts(
            work=parts.work, objects=objects, inventory=inventory, queues=base.amazon.queues, scratch=harness.scratch
        )

    async def outcome(message: Message) -> tuple[bool, int]:
        row = await exports.require(message.body["account_id"], message.body["export_id"])
        return row.size_bytes is not None, row.lost_attempts

    await break_each_call(Case(new, attempts, outcome), clock, after=after)
