"""Messages of the exports queue: claim, keep the claim while the ZIP is made, end the attempt in every case."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from app.exports.schema import ExportRow
from app.exports.service.maintenance import ExportMaintenance
from app.exports.service.work import ExportWork
from app.items.service.inventory import Inventory
from app.jobs.attempt_errors import deciding_error
from app.jobs.claim import ClaimLost
from app.jobs.isolation import isolate
from app.stores.resources import EXPORTS_QUEUE
from app.stores.s3 import ObjectStore
from app.stores.s3_parts import PartsRefused
from app.stores.sqs import Message, Queues
from app.worker.attempt import HEARTBEATS_PER_LEASE
from app.worker.exporting import ExportJob
from app.worker.scheduler import run_periodically
from darkroom_shared.ids import AccountId, AccountIdField, ExportId, ExportIdField
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()

SLOTS = 1
"""Concurrent exports of one worker: each uses the full bandwidth and the memory of two parts."""
POSTPONED_SECONDS = 60
GIVE_BACK_SECONDS = 5.0
SWEEP_SECONDS = 5.0

_PRECEDENCE = (ClaimLost, Unavailable, PartsRefused, OSError)
_ACCOUNT, _EXPORT = TypeAdapter(AccountIdField), TypeAdapter(ExportIdField)


class ExportAttempts:
    """Handles the messages of the exports queue. A failure ends only the one attempt."""

    def __init__(
        self, work: ExportWork, objects: ObjectStore, inventory: Inventory, queues: Queues, scratch: Path
    ) -> None:
        self._work, self._objects, self._inventory = work, objects, inventory
        self._queues, self._scratch = queues, scratch

    async def handle(self, message: Message) -> None:
        try:
            account = _ACCOUNT.validate_python(message.body.get("account_id"))
            export = _EXPORT.validate_python(message.body.get("export_id"))
        except ValidationError:
            log.error("message.unreadable", queue=EXPORTS_QUEUE)
            await self._acknowledge(message)
            return
        with structlog.contextvars.bound_contextvars(account=account, export=export):
            try:
                await self._claim_and_work(message, account, export)
            except Unavailable as problem:
                log.warning("export.interrupted", reason=str(problem))

    async def _claim_and_work(self, message: Message, account: AccountId, export: ExportId) -> None:
        try:
            claimed = await self._work.claim(account, export)
        except ClaimLost:
            log.info("claim.refused", receives=message.receives)
            await self._acknowledge(message)
            return
        try:
            done = await self._work_under_claim(message, claimed)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(message, claimed, 0))
            raise
        if done:
            await self._acknowledge(message)

    async def _work_under_claim(self, message: Message, claimed: ExportRow) -> bool:
        """Make the export. Returns True if the message can be deleted."""
        job = ExportJob(self._objects, self._inventory, self._work, claimed, self._scratch)
        try:
            async with TaskGroup() as tasks:
                heartbeat = tasks.create_task(self._keep_claim(message, claimed, lambda: job.share))
                try:
                    row = await job.run()
                finally:
                    heartbeat.cancel()
            log.info("export.made", items=row.item_count, size_bytes=row.size_bytes)
        except ExceptionGroup as errors:
            return await self._end_attempt(message, claimed, deciding_error(errors, _PRECEDENCE))
        return True

    async def _end_attempt(self, message: Message, claimed: ExportRow, error: Exception) -> bool:
        """Write the attempt's outcome. Returns True if the message can be deleted."""
        match error:
            case ClaimLost():
                log.warning("claim.lost")
                return True
            case Unavailable() | PartsRefused() | OSError():
                # The stores or this machine's disk failed: retry, perhaps elsewhere, within the export's deadline.
                log.warning("export.returned", reason=str(error))
                await self._give_back(message, claimed, POSTPONED_SECONDS)
                return False
        log.error("export.crashed", exc_info=error)
        with suppress(ClaimLost):
            await self._work.record_lost_attempt(claimed)
        return True

    async def _keep_claim(self, message: Message, claimed: ExportRow, share: Callable[[], float]) -> None:
        lease_seconds = self._work.lease.total_seconds()
        while True:
            await asyncio.sleep(lease_seconds / HEARTBEATS_PER_LEASE)
            try:
                await self._work.renew(claimed, round(share() * 99, 1))
                await self._queues.hide(EXPORTS_QUEUE, message.receipt_handle, int(lease_seconds))
            except Unavailable as problem:
                log.warning("heartbeat.missed", reason=str(problem))

    async def _give_back(self, message: Message, claimed: ExportRow, wait_seconds: int) -> None:
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._work.give_back(claimed)
                await self._queues.hide(EXPORTS_QUEUE, message.receipt_handle, wait_seconds)
        except (ClaimLost, Unavailable, TimeoutError) as error:
            log.warning("give_back.failed", reason=str(error))

    async def _acknowledge(self, message: Message) -> None:
        """Delete the message. If that fails, it is delivered again and costs one refused claim."""
        try:
            await self._queues.delete(EXPORTS_QUEUE, message.receipt_handle)
        except Unavailable as problem:
            log.warning("message.held", reason=str(problem))


class ExportSweeper:
    def __init__(self, maintenance: ExportMaintenance) -> None:
        self._maintenance = maintenance

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("export_sweeper", SWEEP_SECONDS, stopping, self.process)

    async def process(self, shard: int) -> None:
        for account, export in await self._maintenance.due(shard):
            await isolate(self._maintenance.process(account, export), "export_sweeper", account=account, export=export)
