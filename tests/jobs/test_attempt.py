"""An attempt depends on its claim alone: a queue that does not respond delays neither its heartbeat nor its end."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.jobs.attempt import HEARTBEATS_PER_LEASE, AttemptRunner
from app.jobs.claim import ClaimLost
from app.jobs.kind import Ending, Outcome
from darkroom_shared.problems import Unavailable

LEASE = timedelta(seconds=1)
BEATS = 5
LIMIT_SECONDS = 20.0


class StuckQueue:
    """A queue that accepts calls and never responds."""

    async def hide(self, _queue: str, _receipt_handle: str, _seconds: int) -> None:
        await asyncio.Event().wait()

    async def delete(self, _queue: str, _receipt_handle: str) -> None:
        await asyncio.Event().wait()


@dataclass
class SlowJob:
    """A kind of job with one job, which takes some heartbeats and then raises `error`."""

    error: Exception | None = None
    refused: bool = False
    renewed_at: list[float] = field(default_factory=list)
    returned: bool = False

    queue, kind, lease = "slow", "slow", LEASE
    outcomes: Sequence[Outcome] = (Outcome(Unavailable, Ending.RETURNED),)

    @property
    def log_fields(self) -> dict[str, int]:
        return {}

    def parse(self, body: dict[str, Any]) -> str:
        if "name" not in body:
            raise ValueError
        return str(body["name"])

    def names(self, _job: str) -> dict[str, str]:
        return {}

    async def claim(self, _job: str) -> "SlowJob":
        if self.refused:
            raise ClaimLost
        return self

    async def run(self) -> None:
        self.renewed_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(LEASE.total_seconds() / HEARTBEATS_PER_LEASE * BEATS)
        if self.error:
            raise self.error

    async def renew(self) -> None:
        self.renewed_at.append(asyncio.get_running_loop().time())

    async def check(self) -> None: ...

    def wakeups(self) -> AbstractAsyncContextManager[asyncio.Event]:
        return nullcontext(asyncio.Event())

    async def refuse(self, _error: Exception) -> None: ...

    async def record_lost_attempt(self, _error: Exception) -> None: ...

    async def return_claim(self, _wait: timedelta) -> None:
        self.returned = True


@dataclass(frozen=True)
class Delivered:
    body: dict[str, Any] = field(default_factory=lambda: {"name": "a job"})
    receipt_handle: str = "receipt"
    receives: int = 1


async def handle(job: SlowJob, delivered: Delivered | None = None) -> bool | None:
    async with asyncio.timeout(LIMIT_SECONDS):
        return await AttemptRunner(job, StuckQueue()).handle(delivered or Delivered())


@pytest.mark.parametrize("error", [None, Unavailable()])
async def test_a_claim_is_renewed_each_quarter_of_its_lease_although_the_queue_does_not_respond(
    error: Exception | None,
) -> None:
    job = SlowJob(error)
    assert await handle(job) is (error is None)
    waits = [later - earlier for earlier, later in pairwise(job.renewed_at)]
    assert len(waits) >= BEATS - 2
    assert max(waits) < 2 * LEASE.total_seconds() / HEARTBEATS_PER_LEASE
    assert job.returned is (error is not None)


async def test_a_stopping_worker_returns_its_claim_although_the_queue_does_not_respond() -> None:
    job = SlowJob()
    attempt = asyncio.create_task(handle(job))
    await asyncio.sleep(0.4 * LEASE.total_seconds())  # in the first heartbeat
    attempt.cancel()
    await asyncio.wait({attempt})
    assert attempt.cancelled()
    assert job.returned


async def test_a_message_without_work_is_neither_a_success_nor_a_failure() -> None:
    assert await handle(SlowJob(refused=True)) is None
    assert await handle(SlowJob(), Delivered({})) is None
