"""One attempt at a job: claim it, keep the claim while the work runs, and end the attempt in every case.

A message only starts an attempt; the claim decides whether this worker may process the job. The message is deleted once
nothing is left to do, and delivered again otherwise.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Generic

import structlog

from app.jobs.claim import ClaimLost
from app.jobs.kind import Attempt, Ending, K, Kind, Message, Observe, Outcome, Queue, ignore_attempt
from darkroom_shared.problems import NotFound, Problem
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()

HEARTBEATS_PER_LEASE = 4
WAKEUP_GATHER_SECONDS = 0.5
"""Minimum between two checks of a claim: a batch of uploads causes many wakeups, and most photos are done before the
first check."""
CLAIM_POSTPONED_SECONDS = 5
"""How long a message stays hidden if its job could not be claimed because a store was unavailable."""
RETURN_CLAIM_SECONDS = 5.0
QUEUE_SECONDS = 5.0
"""Limit of one call of the queue, and no longer than the heartbeat's interval: a queue that does not respond must not
cost the claim."""


class AttemptRunner(Generic[K]):
    """Handles the messages of one kind of job. A failure of a job, a store or our code ends only that attempt."""

    def __init__(self, kind: Kind[K], queue: Queue, observe: Observe = ignore_attempt) -> None:
        self._kind, self._queue, self._observe = kind, queue, observe

    async def handle(self, message: Message) -> bool | None:
        """Process one message. Returns False if it waits for another attempt because something was unavailable, None if
        there was nothing to do, which does not show that the stores are available.

        Raises only unexpected errors that occur while no claim is held; the consumer isolates them.
        """
        try:
            job = self._kind.parse(message.body)
        except ValueError:
            log.error("message.unreadable", queue=self._kind.queue)
            await self._acknowledge(message)
            return None
        with structlog.contextvars.bound_contextvars(**self._kind.names(job)):
            try:
                return await self._claim_and_work(message, job)
            except Problem as problem:
                log.warning("attempt.interrupted", reason=str(problem))
                return False

    async def _claim_and_work(self, message: Message, job: K) -> bool | None:
        log.info("step.began", step="claim")
        claiming = asyncio.create_task(self._kind.claim(job))
        try:
            attempt = await asyncio.shield(claiming)
        except (ClaimLost, NotFound):
            log.info("claim.refused", receives=message.receives)
            await self._acknowledge(message)
            return None
        except Problem as problem:
            log.warning("claim.postponed", reason=str(problem))
            await self._hide(message, CLAIM_POSTPONED_SECONDS)
            return False
        except asyncio.CancelledError:
            # The claim may be stored already. If it is not returned, it expires and counts as a lost attempt.
            await asyncio.shield(self._return_claim(message, claiming))
            raise
        with structlog.contextvars.bound_contextvars(**attempt.log_fields):
            return await self._work_and_acknowledge(message, claiming)

    async def _work_and_acknowledge(self, message: Message, claimed: asyncio.Task[Attempt]) -> bool:
        attempt = claimed.result()
        started = time.perf_counter()
        try:
            ending = await self._work_under_claim(message, attempt)
        except asyncio.CancelledError:
            await asyncio.shield(self._return_claim(message, claimed))
            self._observe(self._kind.queue, attempt.kind, Ending.RETURNED, time.perf_counter() - started)
            raise
        self._observe(self._kind.queue, attempt.kind, ending, time.perf_counter() - started)
        if ending is Ending.RETURNED:
            return False
        log.info("step.began", step="delete")
        await self._acknowledge(message)
        return True

    async def _work_under_claim(self, message: Message, attempt: Attempt) -> Ending:
        try:
            async with TaskGroup() as tasks:
                heartbeat = tasks.create_task(self._keep_claim(message, attempt))
                try:
                    await attempt.run()
                finally:
                    heartbeat.cancel()
        except ExceptionGroup as errors:
            return await self._end(message, attempt, errors)
        return Ending.DONE

    async def _end(self, message: Message, attempt: Attempt, errors: ExceptionGroup[Exception]) -> Ending:
        """Record how the attempt ended."""
        error, outcome = _decide(errors, self._kind.outcomes)
        try:
            match outcome.ending:
                case Ending.REFUSED:
                    await attempt.refuse(error)
                case Ending.LOST_ATTEMPT:
                    if outcome is _UNEXPECTED:
                        log.error("attempt.crashed", exc_info=error)
                    await attempt.record_lost_attempt(error)
                case Ending.RETURNED:
                    log.warning("attempt.returned", reason=str(error))
                    await attempt.return_claim(outcome.wait)
                    await self._hide(message, int(outcome.wait.total_seconds()) + 1)
                case Ending.CLAIM_LOST:
                    log.warning("claim.lost")
                case Ending.DONE:
                    pass
        except (ClaimLost, NotFound):
            log.warning("claim.lost")
            return Ending.CLAIM_LOST
        return outcome.ending

    async def _keep_claim(self, message: Message, attempt: Attempt) -> None:
        """Renew claim and message until cancelled; raise ClaimLost as soon as the claim is void."""
        loop, lease_seconds = asyncio.get_running_loop(), self._kind.lease.total_seconds()
        beat_at = loop.time() + lease_seconds / HEARTBEATS_PER_LEASE
        async with attempt.wakeups() as woken:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(beat_at):
                        await woken.wait()
                        await asyncio.sleep(WAKEUP_GATHER_SECONDS)
                woken.clear()
                try:
                    if loop.time() < beat_at:
                        await attempt.check()
                        continue
                    beat_at = loop.time() + lease_seconds / HEARTBEATS_PER_LEASE
                    await attempt.renew()
                except NotFound as gone:
                    raise ClaimLost from gone
                except Problem as problem:
                    log.warning("heartbeat.missed", reason=str(problem))
                else:
                    await self._hide(message, int(lease_seconds))

    async def _return_claim(self, message: Message, claiming: Awaitable[Attempt]) -> None:
        """Return the claim, once it is made, before the process stops, so that the next worker starts at once."""
        try:
            async with asyncio.timeout(RETURN_CLAIM_SECONDS):
                attempt = await claiming
                await attempt.return_claim(timedelta())
                await self._queue.hide(self._kind.queue, message.receipt_handle, 0)
        except (ClaimLost, Problem, TimeoutError) as error:
            log.warning("claim.not_returned", reason=str(error))

    async def _hide(self, message: Message, seconds: int) -> None:
        """Hide the message. If that fails, it comes early or late, and costs at most one refused claim."""
        await self._try_call(self._queue.hide(self._kind.queue, message.receipt_handle, seconds), "message.not_hidden")

    async def _acknowledge(self, message: Message) -> None:
        """Delete the message. If that fails, it is delivered again and costs one refused claim."""
        await self._try_call(self._queue.delete(self._kind.queue, message.receipt_handle), "message.not_deleted")

    async def _try_call(self, call: Awaitable[None], failed: str) -> None:
        """Call the queue within a time limit; log a failure as the event `failed`."""
        beat_seconds = self._kind.lease.total_seconds() / HEARTBEATS_PER_LEASE
        try:
            async with asyncio.timeout(min(QUEUE_SECONDS, beat_seconds)):
                await call
        except (Problem, TimeoutError) as error:
            log.warning(failed, reason=str(error) or "no response in time")


_UNEXPECTED = Outcome(Exception, Ending.LOST_ATTEMPT)


def _decide(group: ExceptionGroup[Exception], outcomes: Sequence[Outcome]) -> tuple[Exception, Outcome]:
    """Return the error that decides, and its outcome. An unexpected error decides only if no other has an outcome.

    A task group may raise several: the error of the work, and that of the heartbeat which cancelled it.
    """
    errors = list(_flatten(group))
    for outcome in outcomes:
        for error in errors:
            if isinstance(error, outcome.error):
                return error, outcome
    return errors[0], _UNEXPECTED


def _flatten(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _flatten(error)
        else:
            yield error
