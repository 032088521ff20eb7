"""Wiring of a worker's export services."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from app.exports.service.changes import ExportChanges
from app.exports.service.erasure import ExportErasure
from app.exports.service.maintenance import ExportMaintenance
from app.exports.service.queueing import ExportQueue
from app.exports.service.work import ExportWork
from app.exports.store import ExportStore
from app.items.service.inventory import Inventory
from app.services import Foundation
from app.stores.resources import EXPORTS_QUEUE
from app.worker.consumer import Consumer
from app.worker.export_attempts import SLOTS, ExportAttempts


@dataclass(frozen=True, slots=True)
class ExportParts:
    work: ExportWork
    maintenance: ExportMaintenance
    erasure: ExportErasure

    @classmethod
    def build(cls, base: Foundation, lease: timedelta) -> Self:
        store = ExportStore(base.amazon.dynamo)
        changes = ExportChanges(store, base.events.log)
        queue = ExportQueue(base.amazon.queues, changes, base.clock)
        return cls(
            ExportWork(changes, base.clock, lease),
            ExportMaintenance(store, changes, queue, base.amazon.objects, base.clock),
            ExportErasure(store, base.amazon.objects),
        )

    def consumer(self, base: Foundation, scratch: Path) -> Consumer:
        queues = base.amazon.queues
        attempts = ExportAttempts(self.work, base.amazon.objects, Inventory(base.items.store), queues, scratch)
        return Consumer(queues, EXPORTS_QUEUE, SLOTS, self.work.lease, attempts.handle)
