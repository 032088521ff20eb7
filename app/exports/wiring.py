"""Build the services of exports, for the app and for workers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from app.exports.service.changes import ExportChanges
from app.exports.service.erasure import ExportErasure
from app.exports.service.exports import ExportService
from app.exports.service.lifecycle import LEASE
from app.exports.service.maintenance import ExportMaintenance
from app.exports.service.queueing import ExportQueue
from app.exports.service.work import ExportWork
from app.exports.store import ExportStore
from app.items.service.delivery import Delivery
from app.items.service.inventory import Inventory
from app.items.wiring import build_inventory
from app.jobs.lapses import Lapses
from app.services import Foundation


class ExportServices(TypedDict):
    """The state of routes."""

    exports: ExportService


@dataclass(frozen=True, slots=True)
class ExportWorkParts:
    """What workers need."""

    work: ExportWork
    inventory: Inventory
    maintenance: ExportMaintenance
    erasure: ExportErasure


def build_exports(*, base: Foundation, delivery: Delivery) -> ExportServices:
    store = ExportStore(base.amazon.dynamo)
    changes = ExportChanges(store=store, log=base.events.log)
    queue = ExportQueue(queues=base.amazon.queues, changes=changes, clock=base.clock)
    return ExportServices(
        exports=ExportService(store=store, changes=changes, queue=queue, delivery=delivery, clock=base.clock)
    )


def build_export_work(*, base: Foundation, lease: timedelta = LEASE, lapses: Lapses | None = None) -> ExportWorkParts:
    """Build what the worker runs. `lapses` is shared by the sweepers of a process."""
    store, objects = ExportStore(base.amazon.dynamo), base.amazon.objects
    changes = ExportChanges(store=store, log=base.events.log)
    queue = ExportQueue(queues=base.amazon.queues, changes=changes, clock=base.clock)
    return ExportWorkParts(
        work=ExportWork(changes=changes, clock=base.clock, lease=lease),
        inventory=build_inventory(clients=base.clients),
        maintenance=ExportMaintenance(
            store=store,
            changes=changes,
            queue=queue,
            objects=objects,
            lapses=lapses or Lapses(base.clock, lease),
            clock=base.clock,
        ),
        erasure=ExportErasure(store=store, objects=objects),
    )


def build_export_rows(*, base: Foundation) -> ExportStore:
    """Return what reads the rows of exports for their verification."""
    return ExportStore(base.amazon.dynamo)
