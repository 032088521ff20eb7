"""Attempts at exports: what each error of making the ZIP means for the export."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from pydantic import TypeAdapter

from app.exports.schema import ExportRow
from app.exports.service.work import ExportWork
from app.items.service.inventory import Inventory
from app.jobs.attempt import AttemptRunner
from app.jobs.claim import ClaimLost
from app.jobs.kind import Ending, Outcome
from app.stores.aws_errors import CallRejected, PartitionFull
from app.stores.resources import EXPORTS_QUEUE
from app.stores.s3 import ObjectStore
from app.stores.sqs import Queues
from app.worker.exporting import ExportJob
from app.worker.metrics import WorkerMetrics
from darkroom_shared.ids import AccountId, AccountIdField, ExportId, ExportIdField
from darkroom_shared.problems import NotFound, Unavailable

log = structlog.get_logger()

KIND = "export"
"""The kind of an export in metrics, beside the kinds of items."""
SLOTS = 1
"""Concurrent exports of one worker: each uses the full bandwidth and the memory of two parts."""
_WAIT = timedelta(seconds=60)
_ACCOUNT, _EXPORT = TypeAdapter(AccountIdField), TypeAdapter(ExportIdField)


class ExportKey(NamedTuple):
    account: AccountId
    export: ExportId


class ExportJobs:
    """Exports as a kind of job."""

    queue = EXPORTS_QUEUE
    outcomes = (
        Outcome(ClaimLost, Ending.CLAIM_LOST),
        Outcome(NotFound, Ending.CLAIM_LOST),
        # The stores or this machine's disk failed: retry, perhaps elsewhere, within the export's deadline.
        Outcome(Unavailable, Ending.RETURNED, _WAIT),
        Outcome(CallRejected, Ending.RETURNED, _WAIT),
        Outcome(PartitionFull, Ending.RETURNED, _WAIT),
        Outcome(OSError, Ending.RETURNED, _WAIT),
    )

    def __init__(
        self, *, work: ExportWork, objects: ObjectStore, inventory: Inventory, scratch: Path, metrics: WorkerMetrics
    ) -> None:
        self._work, self._objects, self._inventory, self._scratch = work, objects, inventory, scratch
        self._observe = partial(metrics.step_ended, KIND)
        self.lease = work.lease

    def parse(self, body: dict[str, Any]) -> ExportKey:
        """Return the export that the message names. Raises ValidationError."""
        return ExportKey(
            _ACCOUNT.validate_python(body.get("account_id")), _EXPORT.validate_python(body.get("export_id"))
        )

    def names(self, job: ExportKey) -> dict[str, str]:
        return job._asdict()

    async def claim(self, job: ExportKey) -> "ExportAttempt":
        """Claim the export. Raises ClaimLost, NotFound."""
        claimed = await self._work.claim(job.account, job.export)
        making = ExportJob(
            objects=self._objects,
            inventory=self._inventory,
            work=self._work,
            claimed=claimed,
            scratch=self._scratch,
            observe=self._observe,
        )
        return ExportAttempt(self._work, claimed, making)


class ExportAttempt:
    """One attempt. An export is never wakened, because it cannot be cancelled."""

    kind = KIND

    def __init__(self, work: ExportWork, claimed: ExportRow, job: ExportJob) -> None:
        self._work, self._claimed, self._job = work, claimed, job
        self.log_fields = {"lost_attempts": claimed.lost_attempts}

    async def run(self) -> None:
        row = await self._job.run()
        log.info("export.made", items=row.item_count, size_bytes=row.size_bytes)

    async def renew(self) -> None:
        """Extend the lease and store the progress."""
        await self._work.renew(self._claimed, round(self._job.share * 99, 1))

    async def check(self) -> None:
        """Do nothing: nothing wakes an export."""

    def wakeups(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Return an event that is never set."""
        return nullcontext(asyncio.Event())

    async def refuse(self, error: Exception) -> None:
        """Count a lost attempt: no error of an export is known to repeat for certain."""
        await self.record_lost_attempt(error)

    async def record_lost_attempt(self, _error: Exception) -> None:
        """Count a lost attempt; the fifth one fails the export."""
        await self._work.record_lost_attempt(self._claimed)

    async def return_claim(self, wait: timedelta) -> None:
        await self._work.return_claim(self._claimed, wait)


def export_attempts(
    *,
    work: ExportWork,
    objects: ObjectStore,
    inventory: Inventory,
    queues: Queues,
    scratch: Path,
    metrics: WorkerMetrics | None = None,
) -> AttemptRunner[ExportKey]:
    metrics = metrics or WorkerMetrics()
    return AttemptRunner(
        ExportJobs(work=work, objects=objects, inventory=inventory, scratch=scratch, metrics=metrics),
        queues,
        metrics.attempt_ended,
    )
