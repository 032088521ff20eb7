"""The sweepers of items and of exports: loops that find due jobs by polling."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

from app.exports.service.maintenance import ExportMaintenance
from app.items.maintenance.service.maintenance import MaintenanceService
from app.items.service.queueing import QUEUES
from app.jobs.due_jobs import DueJobs, process_due
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically, running
from app.stores.resources import SHARDS
from app.stores.sqs import Queues
from app.worker.crash_report import dead_letter
from darkroom_shared.ids import AccountId, ExportId, ItemId

SWEEP_SECONDS = 5.0
JOB_SECONDS = 15.0
"""Limit of what is due of one job: a few calls of DynamoDB and SQS, each repeated by its client."""
DELETION_SECONDS = 60.0
"""Limit of deleting one job's files. One call of S3 that does not respond takes 30 s."""
LAPSED = {"reason": "the worker crashed or lost its claim; nothing is known of the decoder"}

JobIdT = TypeVar("JobIdT", bound=str)


class Sweeper(Generic[JobIdT]):
    """Processes the due jobs of one kind in all shards. Files are deleted in a loop of their own, so that deadlines and
    lapsed claims do not wait for S3."""

    def __init__(
        self,
        kind: str,
        due_jobs: DueJobs[Any, tuple[AccountId, JobIdT]],
        process: Callable[[AccountId, JobIdT], Awaitable[Any]],
    ) -> None:
        """`process` does what is due for one job; it must be repeatable."""
        self._kind, self._due_jobs, self._process_one = kind, due_jobs, process

    async def run(self, stopping: asyncio.Event) -> None:
        deleting = run_periodically(
            f"{self._kind}_deletions", SWEEP_SECONDS, stopping, self.delete_files, shards=SHARDS
        )
        async with running(deleting):
            await run_periodically(f"{self._kind}_sweeper", SWEEP_SECONDS, stopping, self.process, shards=SHARDS)

    async def process(self, shard: int) -> None:
        """Do what the shard's jobs need of the table and the queue only: lost messages, lapsed claims, deadlines."""
        await self._process(f"{self._kind}_sweeper", self._due_jobs.pages(shard), JOB_SECONDS)

    async def delete_files(self, shard: int) -> None:
        """Delete the files of the shard's jobs whose time has come."""
        await self._process(f"{self._kind}_deletions", self._due_jobs.pages_of_deletions(shard), DELETION_SECONDS)

    async def _process(
        self, loop: str, pages: AsyncIterator[list[tuple[AccountId, JobIdT]]], limit_seconds: float
    ) -> None:
        await process_due(
            loop,
            pages,
            lambda key: self._process_one(*key),
            limit_seconds=limit_seconds,
            log_fields=lambda key: {"account": key[0], self._kind: key[1]},
        )


def build_item_sweeper(maintenance: MaintenanceService, queues: Queues) -> Sweeper[ItemId]:
    async def process(account: AccountId, item: ItemId) -> None:
        poisoned = await maintenance.process(account, item)
        if poisoned is not None:
            await dead_letter(queues, poisoned, LAPSED)

    return Sweeper("item", maintenance.due_jobs, process)


def build_export_sweeper(maintenance: ExportMaintenance) -> Sweeper[ExportId]:
    return Sweeper("export", maintenance.due_jobs, maintenance.process)


async def resend_missing_items(maintenance: MaintenanceService, queues: Queues) -> None:
    """Send again what a restarted local queue has lost. Items that fail here are sent later by the sweeper."""

    async def resend() -> None:
        created_at = {lane: await queues.created_at(queue) for lane, queue in QUEUES.items()}
        for shard in range(SHARDS):
            await maintenance.resend_missing(shard, created_at)

    await isolate(resend(), "resend")
