"""Attempts at items, new ones and those to reprocess: what each error of the pipelines means for the item."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog
from pydantic import TypeAdapter

from app.events.service.stream import Nudges, event_channel
from app.items.schema.row import ItemRow, Lane, StoredFailure
from app.items.service.lifecycle import QUEUE_LIMIT
from app.items.service.queueing import QUEUES
from app.jobs.attempt import AttemptRunner
from app.jobs.claim import ClaimLost
from app.jobs.kind import Ending, Outcome
from app.media.results import DecoderCrashed, MediaError, TemplateClosed
from app.media.space import is_full
from app.stores.aws_errors import CallRejected, PartitionFull
from app.stores.s3_parts import Absent
from app.stores.sqs import Queues
from app.worker.crash_report import crash_report, dead_letter
from app.worker.item_work import Claims
from app.worker.metrics import WorkerMetrics
from app.worker.steps import Steps
from darkroom_shared.ids import AccountId, AccountIdField, ItemId, ItemIdField
from darkroom_shared.items import FailureCode, ItemKind, ItemState
from darkroom_shared.problems import NotFound, Unavailable
from darkroom_shared.task_group import unwrapped
from darkroom_shared.times import Clock

log = structlog.get_logger()

NO_ORIGINAL = StoredFailure(
    FailureCode.ORIGINAL_MISSING, "The uploaded file is not there any more. Upload it again.", retryable=False
)
MAX_UNCOUNTED_ATTEMPTS = 20
"""With more of them, the loss of its decoder's template counts as a lost attempt of the item: its own child may
cause it, for example by using so much memory that templates cannot kill other children in time."""
MAX_ATTEMPTS_ON_FULL_DISKS = 60
MAX_TIME_ON_FULL_DISKS = timedelta(hours=1)
"""With more attempts that were not counted, and this long after an upload or retry, a full disk fails the item: it may
itself fill the disk each time, and would disturb others for a day."""
NO_SPACE = "There was too little free disk space to process this file. Try again once there is more."
_ACCOUNT, _ITEM = TypeAdapter(AccountIdField), TypeAdapter(ItemIdField)


class ItemJob(NamedTuple):
    account: AccountId
    item: ItemId


class Work(Protocol):
    """The work on an item of a lane while its claim is held."""

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Return the item's row.

        Raises MediaError, DecoderCrashed, Absent (no original), ClaimLost, Unavailable, OSError (a full disk).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptParts:
    """What the attempts of all lanes share. `nudges` report at once that an item was cancelled or deleted; without them
    the heartbeat notices it."""

    queues: Queues
    nudges: Nudges
    clock: Clock
    metrics: WorkerMetrics


class ItemJobs:
    """The items of one lane."""

    outcomes = (
        Outcome(ClaimLost, Ending.CLAIM_LOST),
        Outcome(NotFound, Ending.CLAIM_LOST),
        Outcome(MediaError, Ending.REFUSED),
        Outcome(Absent, Ending.REFUSED),
        # Before DecoderCrashed, of which it is a kind. `ItemAttempt.run` limits how often this and a full disk may be.
        Outcome(TemplateClosed, Ending.RETURNED, timedelta(seconds=5)),
        Outcome(DecoderCrashed, Ending.LOST_ATTEMPT),
        Outcome(Unavailable, Ending.RETURNED, timedelta(seconds=5)),
        # AWS rejected the call with an error of no known class: a fault of this code or of the installation.
        Outcome(CallRejected, Ending.RETURNED, timedelta(minutes=1)),
        Outcome(PartitionFull, Ending.RETURNED, timedelta(minutes=1)),
        # A full disk is the fault of the machine, not of the file; another machine may have room.
        Outcome(OSError, Ending.RETURNED, timedelta(minutes=1)),
    )

    def __init__(self, *, lane: Lane, work: Claims, pipeline: Work, parts: AttemptParts) -> None:
        self.work, self.pipeline, self.parts, self._lane = work, pipeline, parts, lane
        self.queue, self.lease = QUEUES[lane], work.lease

    def parse(self, body: dict[str, Any]) -> ItemJob:
        """Return the item that the message names. Raises ValidationError."""
        return ItemJob(_ACCOUNT.validate_python(body.get("account_id")), _ITEM.validate_python(body.get("item_id")))

    def names(self, job: ItemJob) -> dict[str, str]:
        return {"account": job.account, "item": job.item, "lane": self._lane.value}

    async def claim(self, job: ItemJob) -> "ItemAttempt":
        """Claim the item in this lane. Raises ClaimLost, NotFound."""
        return ItemAttempt(self, await self.work.claim(job.account, job.item, self._lane))


class ItemAttempt:
    """One attempt of an item. Woken by the account's events, it checks whether the item was cancelled."""

    def __init__(self, jobs: ItemJobs, claimed: ItemRow) -> None:
        self._jobs, self._work, self._claimed = jobs, jobs.work, claimed
        self.kind = _declared_kind(claimed)
        self.log_fields = {"attempt": claimed.attempt}
        self._steps = Steps(claimed.attempt, jobs.parts.clock, partial(jobs.parts.metrics.step_ended, self.kind))

    async def run(self) -> None:
        uncounted = self._claimed.attempt - self._claimed.lost_attempts
        try:
            with unwrapped(TemplateClosed), unwrapped(OSError):
                await self._jobs.pipeline.run(self._claimed, self._steps)
        except TemplateClosed as closed:
            if uncounted <= MAX_UNCOUNTED_ATTEMPTS:
                raise
            raise DecoderCrashed(closed.crash_report) from None
        except OSError as error:
            if not is_full(error) or uncounted <= MAX_ATTEMPTS_ON_FULL_DISKS or self._was_queued_recently():
                raise
            raise MediaError(FailureCode.INTERNAL, NO_SPACE, passing=True) from error

    def _was_queued_recently(self) -> bool:
        """Return whether the item was uploaded or retried a short time ago; unknown of an item to reprocess."""
        row, now = self._claimed, self._jobs.parts.clock()
        if row.state is not ItemState.PROCESSING or row.queue_deadline is None:
            return False
        return now - (row.queue_deadline - QUEUE_LIMIT) < MAX_TIME_ON_FULL_DISKS

    async def renew(self) -> None:
        await self._work.renew(self._claimed)

    async def check(self) -> None:
        await self._work.check(self._claimed)

    def wakeups(self) -> AbstractAsyncContextManager[asyncio.Event]:
        return self._jobs.parts.nudges.listen(event_channel(self._claimed.account_id))

    async def refuse(self, error: Exception) -> None:
        """Fail the item with the error's sentence, or because its original is missing."""
        failure = NO_ORIGINAL
        if isinstance(error, MediaError):
            failure = StoredFailure(error.code, error.message, retryable=error.passing)
        log.info("item.failed", code=failure.code.value)
        await self._work.fail(self._claimed, failure, self._steps.done)

    async def record_lost_attempt(self, error: Exception) -> None:
        """Count a lost attempt; the fifth one fails the item, and its crash report is sent to the dead-letter queue."""
        report = error.crash_report if isinstance(error, DecoderCrashed) else crash_report(error)
        log.warning("lost_attempt.recorded", reason=report.reason)
        row = await self._work.record_lost_attempt(self._claimed, self._steps.done)
        if row.state is ItemState.FAILED:
            await dead_letter(self._jobs.parts.queues, row, asdict(report))

    async def return_claim(self, wait: timedelta) -> None:
        await self._work.return_claim(self._claimed, wait)


def item_attempts(*, lane: Lane, work: Claims, pipeline: Work, parts: AttemptParts) -> AttemptRunner[ItemJob]:
    jobs = ItemJobs(lane=lane, work=work, pipeline=pipeline, parts=parts)
    return AttemptRunner(jobs, parts.queues, parts.metrics.attempt_ended)


def _declared_kind(row: ItemRow) -> str:
    """Return the kind, or before the file was read the one of the type that the client declared."""
    if row.kind is not None:
        return row.kind.value
    return (ItemKind.VIDEO if row.content_type.startswith("video/") else ItemKind.IMAGE).value
