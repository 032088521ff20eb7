"""The worker's composition root: the decoders' template first, then clients, services and loops."""

import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path

import structlog
import uvloop

from app.accounts.wiring import build_closed_accounts
from app.albums.wiring import AlbumWorkParts, build_album_work
from app.comments.wiring import CommentWorkParts, build_comment_work
from app.events.service.projection import ProjectionUpdater
from app.exports.wiring import ExportWorkParts, build_export_work
from app.items.schema.row import Lane
from app.items.service.inventory import Inventory
from app.items.service.queueing import QUEUES
from app.items.wiring import ItemWorkParts, build_item_work, build_maintenance
from app.media.decoders import Decoders
from app.search.wiring import IndexParts, build_index
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Message
from app.worker.consumer import Consumer
from app.worker.eraser import Erase, Eraser
from app.worker.export_attempts import SLOTS, export_attempts
from app.worker.export_sweeper import ExportSweeper
from app.worker.files import AttemptFiles
from app.worker.health import health_server
from app.worker.item_attempts import item_attempts
from app.worker.outbox_publisher import OutboxPublisher
from app.worker.pipeline import Pipeline
from app.worker.placement_purger import PlacementPurger
from app.worker.presence import be_seen
from app.worker.progress import Encodes
from app.worker.projections import ProjectionLoops
from app.worker.reprocessing import BulkLane, NullChannel, reprocess_attempts
from app.worker.request_purger import ExpiredRequestPurger
from app.worker.scheduler import Hints, Relay, Sweeper
from app.worker.scratch import NotPrivate, scratch_folder
from app.worker.start_check import Unsafe, check_decoding, check_sandbox
from app.worker.video import VideoPipeline
from darkroom_process.readiness import Readiness
from darkroom_shared.ids import ItemId
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now

log = structlog.get_logger()

GRACE_SECONDS = 15.0
"""Work in progress that can finish within this time does; the supervisor must wait longer before it kills."""
ATTEMPTS_AHEAD = 1
"""Attempts beyond the decoders' slots, so that no core is idle while a photo is downloaded or uploaded."""


def main(settings: Settings) -> None:
    """Run until SIGTERM. The template is forked before any client, thread or loop exists."""
    decoders = Decoders.start(slots=settings.worker_slots, encoders=max(1, settings.worker_bulk_slots))
    try:
        with scratch_folder(settings.scratch_folder) as scratch:
            uvloop.run(_work(settings, decoders, scratch))
    except (Unsafe, NotPrivate) as reason:
        raise SystemExit(str(reason)) from None
    log.info("worker.stopped")


async def _work(settings: Settings, decoders: Decoders, scratch: Path) -> None:
    readiness, hints, loop = Readiness(), Hints(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, readiness.stop)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(decoders.aclose)
        landlock_level = await check_sandbox(decoders, scratch, settings.sandbox)
        await check_decoding(decoders, scratch)
        base = await open_foundation(settings, stack, utc_now, hints.add)
        lease = timedelta(seconds=settings.lease_seconds)
        items = build_item_work(clients=base.clients, parts=base.items, lease=lease)
        exports, index = build_export_work(base=base, lease=lease), build_index(base=base)
        closed = build_closed_accounts(clients=base.clients, lease=lease)
        albums, comments = build_album_work(base=base), build_comment_work(base=base)
        eraser = Eraser(
            closed,
            items.erasure,
            exports.erasure,
            base.events.store,
            base.clock,
            _erasures(base, albums, comments, index),
        )
        on_purge = [albums.contents.delete, comments.erasure.delete]
        maintenance = build_maintenance(clients=base.clients, parts=base.items, on_purge=on_purge)
        updater = ProjectionUpdater(base.events.log, base.events.cursors, [index.projection, albums.captures])
        projections = ProjectionLoops(updater, base.amazon.queues)
        purger = PlacementPurger(albums.placement_purge, comments.unread_expiry)
        consumers = [*_consumers(settings, base, items, decoders, scratch), _export_consumer(base, exports, scratch)]
        consumers.append(projections.consumer())
        health = health_server(settings, readiness, lambda: sum(each.in_work for each in consumers))
        async with TaskGroup() as tasks:
            serving = tasks.create_task(health.serve())
            loops = [
                tasks.create_task(Sweeper(maintenance, base.amazon.queues).run(readiness.stopping)),
                tasks.create_task(Relay(base.events.relay, hints).run(readiness.stopping)),
                tasks.create_task(OutboxPublisher(base.events.outbox_relay).run(readiness.stopping)),
                tasks.create_task(projections.run(readiness.stopping)),
                tasks.create_task(
                    ExpiredRequestPurger(base.database, base.events.completed_requests).run(readiness.stopping)
                ),
                tasks.create_task(eraser.run(readiness.stopping)),
                tasks.create_task(purger.run(readiness.stopping)),
                tasks.create_task(ExportSweeper(exports.maintenance).run(readiness.stopping)),
                tasks.create_task(be_seen(base.signals.presence, landlock_level, readiness.stopping)),
            ]
            async with TaskGroup() as consuming:
                for consumer in consumers:
                    consuming.create_task(consumer.run(readiness.stopping, GRACE_SECONDS))
            for task in loops:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await asyncio.shield(task)
                task.cancel()
            health.stop()
            await serving


def _erasures(
    base: Foundation, albums: AlbumWorkParts, comments: CommentWorkParts, index: IndexParts
) -> list[tuple[str, Erase]]:
    """Return the eraser's further steps: cursors before the index, because projections write it while they have one."""
    return [
        ("erase_comments", comments.erasure.erase),
        ("erase_albums", albums.erasure.erase),
        ("erase_relational_events", base.events.relational.erase),
        ("erase_index", index.index.erase),
    ]


def _export_consumer(base: Foundation, exports: ExportWorkParts, scratch: Path) -> Consumer:
    queues, work = base.amazon.queues, exports.work
    attempts = export_attempts(work, base.amazon.objects, Inventory(base.items.store), queues, scratch)
    return Consumer(queues, EXPORTS_QUEUE, SLOTS, work.lease, attempts.handle)


def _consumers(
    settings: Settings, base: Foundation, items: ItemWorkParts, decoders: Decoders, scratch: Path
) -> list[Consumer]:
    """Return one consumer per lane with its own slots, so that express never waits for bulk."""
    work, reprocess_work = items.work, items.reprocess_work
    queues, nudges, clock = base.amazon.queues, base.signals.nudges, base.clock
    files, encodes = AttemptFiles(base.amazon.objects, scratch), Encodes(base.signals, clock)
    photos = Pipeline(files, work, decoders)
    express = item_attempts(work, photos, queues, Lane.EXPRESS, nudges, clock)
    immediately = settings.worker_slots + ATTEMPTS_AHEAD
    consumers = [Consumer(queues, QUEUES[Lane.EXPRESS], immediately, work.lease, express.handle)]
    if settings.worker_bulk_slots:
        videos = VideoPipeline(files, base.amazon.objects, work, decoders, encodes)
        unobserved = Encodes(NullChannel(), clock)
        bulk = BulkLane(
            item_attempts(work, videos, queues, Lane.BULK, nudges, clock),
            reprocess_attempts(reprocess_work, files, base.amazon.objects, decoders, unobserved, queues, nudges, clock),
        )

        def can_finish(message: Message, seconds: float) -> bool:
            item = ItemId(str(message.body.get("item_id")))
            return encodes.can_finish(item, seconds) or unobserved.can_finish(item, seconds)

        slots = settings.worker_bulk_slots
        consumers.append(Consumer(queues, QUEUES[Lane.BULK], slots, work.lease, bulk.handle, can_finish))
    return consumers
