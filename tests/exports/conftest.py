"""The parts that make exports, on the services of a worker."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from app.exports.schema import ExportRow, export_prefix
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
from app.items.store import ItemStore
from app.jobs.attempt import AttemptRunner
from app.jobs.lapses import Lapses
from app.stores.cloudfront import UrlSigner
from app.stores.resources import EXPORTS_QUEUE
from app.stores.sqs import Message
from app.worker.export_attempts import ExportKey, export_attempts
from darkroom_shared.events import Event
from tests.services import CDN, ManualClock, Services, Stores


@dataclass(frozen=True, slots=True)
class ExportHarness:
    """The services that start, make, maintain and erase exports."""

    services: Services
    exports: ExportService
    work: ExportWork
    maintenance: ExportMaintenance
    erasure: ExportErasure
    attempts: AttemptRunner[ExportKey]
    scratch: Path

    async def start(self) -> ExportRow:
        return await self.exports.start(self.services.account)

    async def row(self, row: ExportRow) -> ExportRow:
        """Return the row as it is now."""
        return await self.exports.require(row.account_id, row.export_id)

    async def handle(self, row: ExportRow) -> ExportRow:
        """Process one delivery of the export's message and return the row afterwards."""
        await self.attempts.handle(message(row))
        return await self.row(row)

    async def process(self, row: ExportRow) -> None:
        await self.maintenance.process(row.account_id, row.export_id)

    async def published(self) -> list[Event]:
        """Return the account's export events."""
        page = await self.services.base.events.log.read(self.services.account, 0, limit=100)
        return [event for event in page.events if event.type.startswith("export.")]

    async def keys(self) -> list[str]:
        objects = self.services.base.amazon.objects
        prefix = export_prefix(self.services.account)
        return [each.key async for each in objects.list_objects(prefix)] + await objects.list_multipart_keys(prefix)

    async def messages(self, row: ExportRow) -> int:
        """Empty the queue and return the number of messages for this export; other tests' messages do not count."""
        queues, count = self.services.base.amazon.queues, 0
        while messages := await queues.receive(EXPORTS_QUEUE, limit=10, wait_seconds=0):
            for each in messages:
                count += each.body.get("export_id") == row.export_id
                await queues.delete(EXPORTS_QUEUE, each.receipt_handle)
        return count


def message(row: ExportRow) -> Message:
    """Return the message as SQS delivers it. The receipt is stale, because these tests' clock is not SQS's."""
    return Message({"account_id": row.account_id, "export_id": row.export_id}, "stale", 1)


@pytest.fixture
def harness(services: Services, stores: Stores, clock: ManualClock, tmp_path: Path) -> ExportHarness:
    base = services.base
    store = ExportStore(base.amazon.dynamo)
    changes = ExportChanges(store, base.events.log)
    queue = ExportQueue(base.amazon.queues, changes, clock)
    delivery = Delivery(UrlSigner(CDN, *stores.settings().cdn_key()), clock)
    work = ExportWork(changes, clock)
    return ExportHarness(
        services,
        ExportService(store=store, changes=changes, queue=queue, delivery=delivery, clock=clock),
        work,
        ExportMaintenance(
            store=store,
            changes=changes,
            queue=queue,
            objects=base.amazon.objects,
            lapses=Lapses(clock, LEASE),
            clock=clock,
        ),
        ExportErasure(store, base.amazon.objects),
        export_attempts(
            work=work,
            objects=base.amazon.objects,
            inventory=Inventory(ItemStore(base.amazon.dynamo)),
            queues=base.amazon.queues,
            scratch=tmp_path,
        ),
        tmp_path,
    )
