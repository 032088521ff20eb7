"""The worker's composition root: the decoders' template first, then clients, services and loops."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from app.accounts.wiring import build_closed_accounts
from app.albums.wiring import AlbumWorkParts, build_album_work
from app.comments.wiring import CommentWorkParts, build_comment_work
from app.events.wiring import build_projection_updater
from app.exports.wiring import build_export_work
from app.items.wiring import build_backlog, build_item_work, build_maintenance
from app.jobs.lapses import Lapses
from app.media.decoders import Decoders
from app.search.wiring import IndexParts, build_index
from app.services import Foundation, open_foundation
from app.settings import Settings
from app.stores.metrics import watch_stores
from app.worker.consumer import Consumer
from app.worker.eraser import Erase, Eraser, ErasureStep
from app.worker.health import health_server
from app.worker.lanes import export_consumer, item_consumers
from app.worker.metrics import LaneSampler, WorkerMetrics, count_jobs_in_progress
from app.worker.outbox_loop import OutboxLoop
from app.worker.placement_purger import PlacementPurger
from app.worker.presence import publish_presence
from app.worker.projections import ProjectionLoops
from app.worker.relay import Hints, Relay
from app.worker.request_purger import ExpiredRequestPurger
from app.worker.scratch import ScratchUnusable, scratch_folder
from app.worker.start_check import Unsafe, check_decoding, check_sandbox
from app.worker.sweeper import build_export_sweeper, build_item_sweeper, resend_missing_items
from darkroom_process.event_loop import new_event_loop
from darkroom_process.metrics import new_registry
from darkroom_process.operator_port import OperatorPort
from darkroom_process.readiness import Readiness
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import utc_now

log = structlog.get_logger()

GRACE_SECONDS = 15.0
"""At a stop, work in progress has this long to end. The supervisor must wait longer before it kills the worker."""

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until the event is set."""


def main(settings: Settings) -> None:
    """Run until SIGTERM. The template is forked before any client, thread or loop exists."""
    try:
        with scratch_folder(_configured(settings.scratch_folder), settings.scratch_disk) as scratch:
            decoders = Decoders.start(slots=settings.worker_slots, encoders=max(1, settings.worker_bulk_slots))
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(_work(settings, decoders, scratch))
    except (Unsafe, ScratchUnusable) as reason:
        raise SystemExit(str(reason)) from None
    log.info("worker.stopped")


def _configured(folder: Path | None) -> Path:
    if folder is None:
        raise ScratchUnusable(
            "A worker needs DARKROOM_SCRATCH_FOLDER: a folder on a disk, for example /var/lib/darkroom."
        )
    return folder


async def _work(settings: Settings, decoders: Decoders, scratch: Path) -> None:
    readiness, hints, loop = Readiness(), Hints(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, readiness.stop)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(decoders.aclose)
        landlock_level = await check_sandbox(decoders, scratch, settings.sandbox)
        await check_decoding(decoders, scratch)
        registry = new_registry()
        await stack.enter_async_context(OperatorPort(settings.operator_host, settings.operator_port, registry))
        base = await open_foundation(settings, stack, utc_now, hints.add)
        watch_stores(registry, base.database, base.cache, base.amazon.errors)
        consumers, loops = _build(settings, base, decoders, scratch, hints, registry)
        count_jobs_in_progress(registry, consumers)
        loops.append(lambda stopping: publish_presence(base.signals.presence, landlock_level, stopping))
        health = health_server(settings, readiness)
        async with TaskGroup() as tasks:
            serving = tasks.create_task(health.serve())
            running = [tasks.create_task(loop(readiness.stopping)) for loop in loops]
            async with TaskGroup() as consuming:
                for consumer in consumers:
                    consuming.create_task(consumer.run(readiness.stopping, GRACE_SECONDS))
            for task in running:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await asyncio.shield(task)
                task.cancel()
            health.stop()
            await serving


def _build(
    settings: Settings, base: Foundation, decoders: Decoders, scratch: Path, hints: Hints, registry: CollectorRegistry
) -> tuple[list[Consumer], list[Loop]]:
    """Build the services of all capabilities, and return the consumers and loops on them."""
    lease, metrics = timedelta(seconds=settings.lease_seconds), WorkerMetrics(registry)
    items = build_item_work(clients=base.clients, parts=base.items, lease=lease)
    lapses, export_lapses = (Lapses(base.clock, lease, metrics.attempt_lapsed) for _ in range(2))
    lapses.start_paused()
    export_lapses.start_paused()
    exports = build_export_work(base=base, lease=lease, lapses=export_lapses)
    index, albums, comments = build_index(base=base), build_album_work(base=base), build_comment_work(base=base)
    updater = build_projection_updater(events=base.events, projections=[index.projection, albums.captures])
    projections = ProjectionLoops(updater, base.amazon.queues)
    eraser = Eraser(
        closed=build_closed_accounts(clients=base.clients, lease=lease),
        items=items.erasure,
        exports=exports.erasure,
        events=base.events.erasure,
        clock=base.clock,
        further_steps=erasure_steps(base, albums, comments, index),
    )
    consumers = [
        *item_consumers(settings=settings, base=base, items=items, decoders=decoders, scratch=scratch, metrics=metrics),
        export_consumer(base=base, exports=exports, scratch=scratch, metrics=metrics),
        projections.consumer(),
    ]
    return consumers, [
        *_sampling(settings, base, registry),
        *_item_loops(base, albums, comments, lapses),
        Relay(base.events.relay, hints).run,
        OutboxLoop(base.events.outbox_publisher).run,
        projections.run,
        ExpiredRequestPurger(base.database, base.events.completed_requests).run,
        eraser.run,
        PlacementPurger(albums.placement_purge, comments.unread_expiry).run,
        build_export_sweeper(exports.maintenance).run,
    ]


def _sampling(settings: Settings, base: Foundation, registry: CollectorRegistry) -> list[Loop]:
    """Return the loop that samples the lanes; no loop without an operator port, because nothing reads the samples."""
    if not settings.operator_port:
        return []
    backlog = build_backlog(clients=base.clients)
    return [LaneSampler(registry=registry, queues=base.amazon.queues, backlog=backlog, clock=base.clock).run]


def _item_loops(base: Foundation, albums: AlbumWorkParts, comments: CommentWorkParts, lapses: Lapses) -> list[Loop]:
    """Return the items' maintenance. A purged item leaves the albums and comments before its row is deleted."""
    maintenance = build_maintenance(
        clients=base.clients,
        parts=base.items,
        on_purge=[albums.contents.delete, comments.erasure.delete],
        lapses=lapses,
    )
    queues = base.amazon.queues
    return [
        build_item_sweeper(maintenance, queues).run,
        lambda _stopping: resend_missing_items(maintenance, queues),
    ]


def erasure_steps(
    base: Foundation, albums: AlbumWorkParts, comments: CommentWorkParts, index: IndexParts
) -> list[tuple[ErasureStep, Erase]]:
    """Return the eraser's further steps: cursors before the index, because a projection with a cursor writes to it."""
    return [
        (ErasureStep.ERASE_COMMENTS, comments.erasure.erase),
        (ErasureStep.ERASE_ALBUMS, albums.erasure.erase),
        (ErasureStep.ERASE_RELATIONAL_EVENTS, base.events.relational.erase),
        (ErasureStep.ERASE_INDEX, index.index.erase),
    ]
