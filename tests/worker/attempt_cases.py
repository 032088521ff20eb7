"""Attempts at each kind of job on services whose AWS clients raise what a test injects."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.exports.wiring import build_export_work, build_exports
from app.items.schema.row import ItemRow, Lane
from app.items.service.lifecycle import LEASE
from app.jobs.attempt import AttemptRunner
from app.media.decoders import Decoders
from app.stores.sqs import Message
from app.worker.export_attempts import export_attempts
from app.worker.files import AttemptFiles
from app.worker.item_attempts import ItemJob, item_attempts
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.video import VideoPipeline
from darkroom_shared.exports import ExportState
from darkroom_shared.ids import new_account_id
from darkroom_shared.items import ItemState
from tests.jobs.loops import Faulty
from tests.services import Services
from tests.worker.harness import a_tiny_photo, attempt_parts, message
from tests.worker.sample_videos import a_video


@dataclass(frozen=True, slots=True)
class Job:
    """A queued job: its message, and its state."""

    message: Message
    state: Callable[[], Awaitable[tuple[bool, int]]]
    """Returns whether the job is done, and its lost attempts. Fails if the job has failed."""


@dataclass(frozen=True, slots=True)
class AttemptCase:
    """Makes jobs of one kind by services that work, and attempts on faulty ones."""

    new: Callable[[], Awaitable[Job]]
    attempts: AttemptRunner[Any]


def photo(faulty: Faulty, decoders: Decoders, scratch: Path) -> AttemptCase:
    services = faulty.own

    async def new() -> Job:
        return _item_job(services, await services.queued(a_tiny_photo()), Lane.EXPRESS)

    return AttemptCase(new, _attempts(faulty.services, Lane.EXPRESS, decoders, scratch))


def video_express(faulty: Faulty, decoders: Decoders, scratch: Path) -> AttemptCase:
    services = faulty.own

    async def new() -> Job:
        return _item_job(services, await services.queued(a_video(seconds=1, size="64x36")), Lane.EXPRESS)

    return AttemptCase(new, _attempts(faulty.services, Lane.EXPRESS, decoders, scratch))


def video_bulk(faulty: Faulty, decoders: Decoders, scratch: Path) -> AttemptCase:
    services = faulty.own
    first_stage = _attempts(services, Lane.EXPRESS, decoders, scratch)

    async def new() -> Job:
        row = await services.queued(a_video(seconds=1, size="64x36"))
        await first_stage.handle(message(row))
        return _item_job(services, row, Lane.BULK)

    return AttemptCase(new, _attempts(faulty.services, Lane.BULK, decoders, scratch))


def export(faulty: Faulty, _decoders: Decoders, scratch: Path) -> AttemptCase:
    services, base = faulty.own, faulty.services.base
    exports = build_exports(base=services.base, delivery=services.representation._delivery)["exports"]

    async def new() -> Job:
        account = new_account_id()
        await replace(services, account=account).queued(a_tiny_photo())
        row = await exports.start(account)

        async def state() -> tuple[bool, int]:
            current = await exports.require(account, row.export_id)
            assert current.state is not ExportState.FAILED
            return current.state is ExportState.READY, current.lost_attempts

        return Job(Message({"account_id": account, "export_id": row.export_id}, "stale", 1), state)

    parts = build_export_work(base=base, lease=LEASE)
    attempts = export_attempts(
        work=parts.work,
        objects=base.amazon.objects,
        inventory=parts.inventory,
        queues=base.amazon.queues,
        scratch=scratch,
    )
    return AttemptCase(new, attempts)


CASES = {each.__name__: each for each in (photo, video_express, video_bulk, export)}


def _item_job(services: Services, row: ItemRow, lane: Lane) -> Job:
    async def state() -> tuple[bool, int]:
        """An attempt of the express lane at a video ends with its hand-off to the other lane."""
        current = await services.row(row)
        assert current.state is not ItemState.FAILED, current.failure
        handed_off = lane is Lane.EXPRESS and current.lane is Lane.BULK
        return current.state is ItemState.READY or handed_off, current.lost_attempts

    return Job(message(row), state)


def _attempts(services: Services, lane: Lane, decoders: Decoders, scratch: Path) -> AttemptRunner[ItemJob]:
    base = services.base
    files = AttemptFiles(base.amazon.objects, scratch)
    pipeline: Any = Pipeline(files, services.work, decoders)
    if lane is Lane.BULK:
        pipeline = VideoPipeline(
            files=files,
            objects=base.amazon.objects,
            work=services.work,
            decoders=decoders,
            encodes=Encodes(base.signals, base.clock),
        )
    return item_attempts(lane=lane, work=services.work, pipeline=pipeline, parts=attempt_parts(base))
