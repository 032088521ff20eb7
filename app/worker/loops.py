"""The consumers and loops of a worker, by its roles."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from app.accounts.wiring import build_closed_accounts
from app.albums.wiring import AlbumWorkParts, build_album_work
from app.comments.wiring import CommentWorkParts, build_comment_work
from app.events.wiring import build_projection_updater
from app.exports.wiring import ExportWorkParts, build_export_work
from app.items.wiring import ItemWorkParts, build_backlog, build_item_work, build_maintenance
from app.jobs.lapses import Lapses
from app.media.decoders import Decoders
from app.search.wiring import IndexParts, build_index
from app.services import Foundation
from app.settings import Settings, WorkerRole
from app.worker.consumer import Consumer
from app.worker.eraser import Erase, Eraser, ErasureStep
from app.worker.lanes import export_consumer, item_consumers
from app.worker.metrics import LaneSampler, WorkerMetrics
from app.worker.outbox_loop import OutboxLoop
from app.worker.placement_purger import PlacementPurger
from app.worker.projections import ProjectionLoops
from app.worker.relay import Hints, Relay
from app.worker.request_purger import ExpiredRequestPurger
from app.worker.sweeper import build_export_sweeper, build_item_sweeper, resend_missing_items

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until the event is set."""


@dataclass(frozen=True, slots=True)
class Loops:
    """What a worker runs. A consumer has a grace period at the stop, which other loops do not need."""

    consumers: list[Consumer] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where jobs are done; without roles that decode or store files there is none."""

    decoders: Decoders | None
    scratch: Path | None


def build_loops(
    *, settings: Settings, base: Foundation, workplace: Workplace, hints: Hints, registry: CollectorRegistry
) -> Loops:
    """Return what the worker's roles need. `dispatcher` has no loop yet."""
    lease, metrics = timedelta(seconds=settings.lease_seconds), WorkerMetrics(registry)
    items = build_item_work(clients=base.clients, parts=base.items, lease=lease)
    lapses, export_lapses = (Lapses(base.clock, lease, metrics.attempt_lapsed) for _ in range(2))
    lapses.start_paused()
    export_lapses.start_paused()
    exports = build_export_work(base=base, lease=lease, lapses=export_lapses)
    built = Loops()
    if workplace.decoders is not None and workplace.scratch is not None:
        built.consumers.extend(
            item_consumers(
                settings=settings,
                base=base,
                items=items,
                decoders=workplace.decoders,
                scratch=workplace.scratch,
                metrics=metrics,
            )
        )
    if workplace.scratch is not None and WorkerRole.EXPORTS in settings.worker_roles:
        consumer = export_consumer(base=base, exports=exports, scratch=workplace.scratch, metrics=metrics)
        built.consumers.append(consumer)
    if WorkerRole.MAINTENANCE in settings.worker_roles:
        built.loops.extend(_sampling(settings, base, registry))
        _add_maintenance(built, base=base, items=items, exports=exports, lapses=lapses, hints=hints, lease=lease)
    return built


def _add_maintenance(
    built: Loops,
    *,
    base: Foundation,
    items: ItemWorkParts,
    exports: ExportWorkParts,
    lapses: Lapses,
    hints: Hints,
    lease: timedelta,
) -> None:
    """Add what repairs, announces, projects and erases."""
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
    built.consumers.append(projections.consumer())
    built.loops.extend(
        [
            *_item_loops(base, albums, comments, lapses),
            Relay(base.events.relay, hints).run,
            OutboxLoop(base.events.outbox_publisher).run,
            projections.run,
            ExpiredRequestPurger(base.database, base.events.completed_requests).run,
            eraser.run,
            PlacementPurger(albums.placement_purge, comments.unread_expiry).run,
            build_export_sweeper(exports.maintenance).run,
        ]
    )


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
