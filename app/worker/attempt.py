"""One message: claim the item, keep the claim while the pipeline runs, and end the attempt in every case."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from app.events.service.stream import Nudges, event_channel
from app.items.schema.row import ItemRow, Lane, StoredFailure
from app.items.service.queueing import QUEUES
from app.jobs.attempt_errors import deciding_error
from app.jobs.claim import ClaimLost
from app.jobs.isolation import isolate
from app.media.results import CrashReport, DecoderCrashed, MediaError
from app.stores.resources import DEAD_LETTERS_QUEUE
from app.stores.s3_parts import Absent
from app.stores.sqs import Message, Queues
from app.worker.crash_report import crash_report
from app.worker.item_work import Claims
from app.worker.steps import Steps
from darkroom_shared.ids import AccountId, AccountIdField, ItemId, ItemIdField
from darkroom_shared.items import FailureCode, ItemState
from darkroom_shared.problems import NotFound, Unavailable
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

log = structlog.get_logger()

HEARTBEATS_PER_LEASE = 4
NUDGE_GATHER_SECONDS = 0.5
"""A batch of uploads nudges all the time; most photos are done before their claim is worth another check."""
STORES_AWAY = timedelta(seconds=5)
"""How long an item waits after its worker failed to reach a store."""
SCRATCH_FAILED = timedelta(minutes=1)
GIVE_BACK_SECONDS = 5.0

NO_ORIGINAL = StoredFailure(
    FailureCode.ORIGINAL_MISSING, "The uploaded file is not there any more. Upload it again.", retryable=False
)
_PRECEDENCE = (ClaimLost, MediaError, Absent, DecoderCrashed, Unavailable, OSError)
"""Of several errors in one attempt the first of these decides; an unexpected one decides only if it is alone."""

_ACCOUNT, _ITEM = TypeAdapter(AccountIdField), TypeAdapter(ItemIdField)


class Work(Protocol):
    """The work on an item of a lane while its claim is held."""

    async def run(self, claimed: ItemRow, steps: Steps) -> ItemRow:
        """Return the item's row. Raises MediaError, DecoderCrashed, Absent (no original), ClaimLost, Unavailable."""
        ...


class Attempts:
    """Handles the messages of one lane. A failure of a file, a store or our own code ends only the one attempt."""

    def __init__(self, work: Claims, pipeline: Work, queues: Queues, lane: Lane, nudges: Nudges, clock: Clock) -> None:
        """`nudges` report at once that an item was cancelled or deleted; without them the heartbeat notices it."""
        self._work, self._pipeline, self._queues = work, pipeline, queues
        self._lane, self._queue, self._nudges, self._clock = lane, QUEUES[lane], nudges, clock

    async def handle(self, message: Message) -> None:
        """Process one message. Raises only what the queue's own calls raise (Problem); the consumer isolates it."""
        try:
            account, item = _named(message.body)
        except ValidationError:
            log.error("message.unreadable", queue=self._queue)
            await self._acknowledge(message)
            return
        with structlog.contextvars.bound_contextvars(account=account, item=item, lane=self._lane.value):
            try:
                await self._claim_and_work(message, account, item)
            except Unavailable as problem:
                log.warning("attempt.interrupted", reason=str(problem))

    async def _claim_and_work(self, message: Message, account: AccountId, item: ItemId) -> None:
        log.info("step.began", step="claim")
        try:
            claimed = await self._work.claim(account, item, self._lane)
        except (ClaimLost, NotFound):
            log.info("claim.refused", receives=message.receives)
            await self._acknowledge(message)
            return
        except Unavailable as problem:
            log.warning("claim.postponed", reason=str(problem))
            await self._queues.hide(self._queue, message.receipt_handle, int(STORES_AWAY.total_seconds()))
            return
        try:
            finished = await self._work_under_claim(message, claimed)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(message, claimed))
            raise
        if finished:
            log.info("step.began", step="delete")
            await self._acknowledge(message)

    async def _work_under_claim(self, message: Message, claimed: ItemRow) -> bool:
        """Run the pipeline. Returns True if the message can be deleted."""
        steps = Steps(claimed.attempt, self._clock)
        try:
            async with TaskGroup() as tasks:
                heartbeat = tasks.create_task(self._keep_claim(message, claimed))
                try:
                    await self._pipeline.run(claimed, steps)
                finally:
                    heartbeat.cancel()
        except ExceptionGroup as errors:
            return await self._end_attempt(message, claimed, steps, deciding_error(errors, _PRECEDENCE))
        return True

    async def _end_attempt(self, message: Message, claimed: ItemRow, steps: Steps, error: Exception) -> bool:
        """Write the attempt's outcome. Returns True if the message can be deleted."""
        match error:
            case ClaimLost():
                log.warning("claim.lost", attempt=claimed.attempt)
            case MediaError():
                await self._fail(claimed, error, steps)
            case Absent():
                await self._end(self._work.fail(claimed, NO_ORIGINAL, steps.done))
            case DecoderCrashed():
                log.warning("decoder.crashed", attempt=claimed.attempt, reason=error.crash_report.reason)
                await self._record_lost_attempt(claimed, error.crash_report, steps)
            case Unavailable():
                log.warning("attempt.returned", reason=str(error))
                await self._postpone(message, claimed, STORES_AWAY)
                return False
            case OSError():
                # A full disk is the fault of the machine, not of the file; another machine may have room.
                log.error("scratch.failed", reason=str(error))
                await self._postpone(message, claimed, SCRATCH_FAILED)
                return False
            case _:
                log.error("attempt.crashed", attempt=claimed.attempt, exc_info=error)
                await self._record_lost_attempt(claimed, crash_report(error), steps)
        return True

    async def _postpone(self, message: Message, claimed: ItemRow, wait: timedelta) -> None:
        await self._end(self._work.give_back(claimed, wait))
        await self._queues.hide(self._queue, message.receipt_handle, int(wait.total_seconds()) + 1)

    async def _fail(self, claimed: ItemRow, error: MediaError, steps: Steps) -> None:
        log.info("item.failed", code=error.code.value)
        failure = StoredFailure(error.code, error.message, retryable=error.passing)
        await self._end(self._work.fail(claimed, failure, steps.done))

    async def _record_lost_attempt(self, claimed: ItemRow, report: CrashReport, steps: Steps) -> None:
        """Count a lost attempt; the fifth one fails the item, and its crash report goes to the dead-letter queue."""
        try:
            row = await self._work.record_lost_attempt(claimed, steps.done)
        except ClaimLost:
            log.warning("claim.lost", attempt=claimed.attempt)
            return
        if row.state is ItemState.FAILED:
            await dead_letter(self._queues, row, asdict(report))

    async def _end(self, ending: Any) -> None:
        try:
            await ending
        except ClaimLost:
            log.warning("claim.lost")

    async def _keep_claim(self, message: Message, claimed: ItemRow) -> None:
        """Renew claim and message until cancelled; end the attempt as soon as the claim is void."""
        loop, lease_seconds = asyncio.get_running_loop(), self._work.lease.total_seconds()
        beat_at = loop.time() + lease_seconds / HEARTBEATS_PER_LEASE
        async with self._nudges.listen(event_channel(claimed.account_id)) as nudged:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(beat_at):
                        await nudged.wait()
                        await asyncio.sleep(NUDGE_GATHER_SECONDS)
                nudged.clear()
                try:
                    if loop.time() < beat_at:
                        await self._work.check(claimed)
                        continue
                    beat_at = loop.time() + lease_seconds / HEARTBEATS_PER_LEASE
                    await self._work.renew(claimed)
                    await self._queues.hide(self._queue, message.receipt_handle, int(lease_seconds))
                except Unavailable as problem:
                    log.warning("heartbeat.missed", reason=str(problem))

    async def _give_back(self, message: Message, claimed: ItemRow) -> None:
        """Return the claim before the process stops, so that the next worker starts at once."""
        try:
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._work.give_back(claimed)
                await self._queues.hide(self._queue, message.receipt_handle, 0)
        except (ClaimLost, NotFound, Unavailable, TimeoutError) as error:
            log.warning("give_back.failed", reason=str(error))

    async def _acknowledge(self, message: Message) -> None:
        """Delete the message. If that fails, it is delivered again and costs one refused claim."""
        try:
            await self._queues.delete(self._queue, message.receipt_handle)
        except Unavailable as problem:
            log.warning("message.held", reason=str(problem))


async def dead_letter(queues: Queues, row: ItemRow, crash_report: dict[str, Any]) -> None:
    """Log the crash report of a poisoned item and put it on the dead-letter queue; it contains no user data.

    The item has failed already, and nothing repeats this call: if the queue is away, the log keeps the report.
    """
    log.error("item.poisoned", lost_attempts=row.lost_attempts, crash_report=crash_report)
    body = {"item_id": row.item_id, "account_id": row.account_id, "attempt": row.attempt, "capsule": crash_report}
    await isolate(queues.send(DEAD_LETTERS_QUEUE, body, group=row.account_id), "dead_letter", item=row.item_id)


def _named(body: dict[str, Any]) -> tuple[AccountId, ItemId]:
    return _ACCOUNT.validate_python(body.get("account_id")), _ITEM.validate_python(body.get("item_id"))
