"""The consumers of a worker's queues of items and exports."""

from pathlib import Path

from app.exports.wiring import ExportWorkParts
from app.items.schema.row import Lane
from app.items.service.inventory import Inventory
from app.items.service.queueing import QUEUES
from app.items.wiring import ItemWorkParts
from app.media.decoders import Decoders
from app.services import Foundation
from app.settings import Settings
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.export_attempts import SLOTS, export_attempts
from app.worker.files import AttemptFiles
from app.worker.item_attempts import item_attempts
from app.worker.metrics import WorkerMetrics
from app.worker.pipeline import Pipeline
from app.worker.progress import Encodes
from app.worker.reprocessing import BulkLane, NullChannel, reprocess_attempts
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
    """Return one consumer per lane with its own slots, so that express never waits for bulk."""
    work, reprocess_work = items.work, items.reprocess_work
    queues, nudges, clock = base.amazon.queues, base.signals.nudges, base.clock
    files, encodes = AttemptFiles(base.amazon.objects, scratch), Encodes(base.signals, clock)
    photos = Pipeline(files, work, decoders)
    express = item_attempts(work, photos, queues, Lane.EXPRESS, nudges, clock, metrics)
    immediately = settings.worker_slots + ATTEMPTS_AHEAD
    consumers = [Consumer(queues, QUEUES[Lane.EXPRESS], immediately, work.lease, express.handle)]
    if settings.worker_bulk_slots:
        videos = VideoPipeline(files, base.amazon.objects, work, decoders, encodes)
        unobserved = Encodes(NullChannel(), clock)
        bulk = BulkLane(
            item_attempts(work, videos, queues, Lane.BULK, nudges, clock, metrics),
            reprocess_attempts(
                reprocess_work, files, base.amazon.objects, decoders, unobserved, queues, nudges, clock, metrics
            ),
        )

        def can_finish(message: Message, seconds: float) -> bool:
            item = ItemId(str(message.body.get("item_id")))
            return encodes.can_finish(item, seconds) or unobserved.can_finish(item, seconds)

        slots = settings.worker_bulk_slots
        consumers.append(Consumer(queues, QUEUES[Lane.BULK], slots, work.lease, bulk.handle, can_finish))
    return consumers


def export_consumer(*, base: Foundation, exports: ExportWorkParts, scratch: Path, metrics: WorkerMetrics) -> Consumer:
    queues, work = base.amazon.queues, exports.work
    attempts = export_attempts(work, base.amazon.objects, Inventory(base.items.store), queues, scratch, metrics)
    return Consumer(queues, EXPORTS_QUEUE, SLOTS, work.lease, attempts.handle)
