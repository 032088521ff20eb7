"""The consumers of a worker's queues of items and exports."""

from pathlib import Path

from app.exports.wiring import ExportWorkParts
from app.items.schema.row import Lane
from app.items.service.queueing import QUEUES
from app.items.wiring import ItemWorkParts
from app.media.decoders import Decoders
from app.services import Foundation
from app.settings import Settings, WorkerRole
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.export_attempts import SLOTS, export_attempts
from app.worker.files import AttemptFiles
from app.worker.item_attempts import AttemptParts, item_attempts
from app.worker.metrics import WorkerMetrics
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.reprocessing import BulkLane, NullChannel, ReprocessPipeline
from app.worker.video import VideoPipeline
from darkroom_shared.ids import ItemId

ATTEMPTS_AHEAD = 1
"""Attempts beyond the decoders' slots, so that no core is idle while a photo is downloaded or uploaded."""


def item_consumers(
    *,
    settings: Settings,
    base: Foundation,
    items: ItemWorkParts,
    decoders: Decoders,
    scratch: Path,
    metrics: WorkerMetrics,
) -> list[Consumer]:
    """Return one consumer for each lane of the worker's roles, with its own slots, so that express never waits for
    bulk. A lane with 0 slots has none.
    """
    work, files = items.work, AttemptFiles(base.amazon.objects, scratch)
    parts = AttemptParts(queues=base.amazon.queues, nudges=base.signals.nudges, clock=base.clock, metrics=metrics)
    consumers = []
    if settings.worker_slots and WorkerRole.EXPRESS in settings.worker_roles:
        pipeline = Pipeline(files, work, decoders)
        express = Consumer(
            queues=parts.queues,
            queue=QUEUES[Lane.EXPRESS],
            slots=settings.worker_slots + ATTEMPTS_AHEAD,
            lease=work.lease,
            handle=item_attempts(lane=Lane.EXPRESS, work=work, pipeline=pipeline, parts=parts).handle,
        )
        consumers.append(express)
    if settings.worker_bulk_slots and WorkerRole.BULK in settings.worker_roles:
        bulk = _bulk_consumer(
            slots=settings.worker_bulk_slots, base=base, items=items, files=files, decoders=decoders, parts=parts
        )
        consumers.append(bulk)
    return consumers


def _bulk_consumer(
    *,
    slots: int,
    base: Foundation,
    items: ItemWorkParts,
    files: AttemptFiles,
    decoders: Decoders,
    parts: AttemptParts,
) -> Consumer:
    """Return the consumer of new videos and of items to reprocess."""
    work, reprocess_work, objects = items.work, items.reprocess_work, base.amazon.objects
    encodes, unobserved = Encodes(base.signals, base.clock), Encodes(NullChannel(), base.clock)
    reprocess = ReprocessPipeline(
        Pipeline(files, reprocess_work, decoders),
        VideoPipeline(files=files, objects=objects, work=reprocess_work, decoders=decoders, encodes=unobserved),
    )
    videos = VideoPipeline(files=files, objects=objects, work=work, decoders=decoders, encodes=encodes)
    bulk = BulkLane(
        item_attempts(lane=Lane.BULK, work=work, pipeline=videos, parts=parts),
        item_attempts(lane=Lane.BULK, work=reprocess_work, pipeline=reprocess, parts=parts),
    )

    def can_finish(message: Message, seconds: float) -> bool:
        item = ItemId(str(message.body.get("item_id")))
        return encodes.can_finish(item, seconds) or unobserved.can_finish(item, seconds)

    return Consumer(
        queues=parts.queues,
        queue=QUEUES[Lane.BULK],
        slots=slots,
        lease=work.lease,
        handle=bulk.handle,
        can_finish=can_finish,
    )


def export_consumer(*, base: Foundation, exports: ExportWorkParts, scratch: Path, metrics: WorkerMetrics) -> Consumer:
    queues, work = base.amazon.queues, exports.work
    attempts = export_attempts(
        work=work,
        objects=base.amazon.objects,
        inventory=exports.inventory,
        queues=queues,
        scratch=scratch,
        metrics=metrics,
    )
    return Consumer(queues=queues, queue=EXPORTS_QUEUE, slots=SLOTS, lease=work.lease, handle=attempts.handle)
