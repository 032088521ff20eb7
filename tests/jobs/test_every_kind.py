"""Claims and leases of every kind of job: one holder at a time, lost attempts counted, late writes refused."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from app.jobs.claim import LOST_ATTEMPT_WAITS, MAX_LOST_ATTEMPTS, ClaimLost
from darkroom_shared.ids import new_account_id
from tests.jobs.kinds import COUNTED, FENCED, KINDS, WAITING, Job
from tests.services import ManualClock, Services, Stores, open_services

LEASE_SECONDS, MAX_WAIT_SECONDS = 61, 601
RETURNS = 50
WORKERS = st.sampled_from([0, 1])


@pytest.fixture(params=KINDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def started(name: str, services: Services, clock: ManualClock) -> Job:
    job = KINDS[name](services, clock)
    await job.start()
    return job


async def lapse(job: Job, clock: ManualClock) -> None:
    """Let the holder's lease end, and then the wait after a lost attempt."""
    clock.advance(seconds=LEASE_SECONDS)
    await job.sweep()
    clock.advance(seconds=MAX_WAIT_SECONDS)


async def test_of_concurrent_workers_one_gets_the_job(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    claims = await asyncio.gather(*(job.claim() for _ in range(4)), return_exceptions=True)
    assert len([each for each in claims if not isinstance(each, ClaimLost)]) == 1
    assert {type(each) for each in claims if isinstance(each, BaseException)} == {ClaimLost}


@pytest.mark.parametrize("name", FENCED)
async def test_a_worker_paused_past_its_lease_writes_nothing(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    late = await job.claim()
    await lapse(job, clock)
    holder = await job.claim()
    for write in (job.renew, job.return_claim, job.finish):
        with pytest.raises(ClaimLost):
            await write(late)
    await job.finish(await job.renew(holder))
    with pytest.raises(ClaimLost):
        await job.claim()
    assert not await job.has_failed()


@pytest.mark.parametrize("name", FENCED)
async def test_an_expired_or_released_claim_cannot_be_released(
    name: str, services: Services, clock: ManualClock
) -> None:
    job = await started(name, services, clock)
    expired = await job.claim()
    await lapse(job, clock)
    released = await job.claim()
    await job.return_claim(released)
    for claimed in (expired, released):
        with pytest.raises(ClaimLost):
            await job.return_claim(claimed)


async def test_a_job_of_killed_workers_is_completed_by_the_next(
    name: str, services: Services, clock: ManualClock
) -> None:
    """A killed worker leaves its claim behind."""
    job = await started(name, services, clock)
    for killed in range(1, MAX_LOST_ATTEMPTS):
        await job.claim()
        await lapse(job, clock)
        assert await job.lost_attempts() == (killed if job.counted else 0)
    await job.finish(await job.claim())
    assert not await job.has_failed()


@pytest.mark.parametrize("name", COUNTED)
async def test_the_fifth_lost_attempt_ends_the_job(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    for _ in range(MAX_LOST_ATTEMPTS):
        assert not await job.has_failed()
        await job.claim()
        await lapse(job, clock)
    assert await job.has_failed()
    with pytest.raises(ClaimLost):
        await job.claim()


@pytest.mark.parametrize("name", WAITING)
async def test_a_job_waits_longer_after_each_lost_attempt(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    for wait in LOST_ATTEMPT_WAITS:
        await job.claim()
        clock.advance(seconds=LEASE_SECONDS)
        await job.sweep()
        clock.now += wait - timedelta(seconds=1)
        with pytest.raises(ClaimLost):
            await job.claim()
        clock.advance(seconds=2)
    await job.finish(await job.claim())
    assert not await job.has_failed()


async def test_returned_claims_count_no_attempt(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    for _ in range(RETURNS if job.counted else MAX_LOST_ATTEMPTS + 1):
        await job.return_claim(await job.claim())
    assert await job.lost_attempts() == 0
    await job.finish(await job.claim())


@pytest.mark.parametrize("name", COUNTED)
async def test_a_write_that_meets_another_one_is_repeated(name: str, services: Services, clock: ManualClock) -> None:
    job = await started(name, services, clock)
    claimed = await job.claim()
    await asyncio.gather(*(job.renew(claimed) for _ in range(6)))
    await job.finish(claimed)


class Workers(RuleBasedStateMachine):
    """Two workers, a sweeper and a clock on one job, compared with a model of its claim."""

    kind: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    services: ClassVar[Services]
    clock: ClassVar[ManualClock]

    @initialize()
    def start(self) -> None:
        self.own = replace(self.services, account=new_account_id())
        self.job: Job = KINDS[self.kind](self.own, self.clock)
        self.run(self.job.start())
        self.held: dict[int, Any] = {}
        self.holder: int | None = None
        self.lost_attempts, self.over, self.lapsed = 0, False, False

    def run(self, work: Any) -> Any:
        async def wait() -> Any:
            return await work

        return self.runner.run(wait())

    def writes(self, worker: int, write: Any) -> Any:
        """Assert that the write succeeds exactly if the worker's claim is valid."""
        if self.holder == worker and not self.over:
            return self.run(write(self.held[worker]))
        with pytest.raises(ClaimLost):
            self.run(write(self.held[worker]))
        return None

    @rule(worker=WORKERS)
    def claim(self, worker: int) -> None:
        if self.over or (self.holder is not None and not self.lapsed):
            with pytest.raises(ClaimLost):
                self.run(self.job.claim())
            return
        self.held[worker], self.holder, self.lapsed = self.run(self.job.claim()), worker, False

    @precondition(lambda self: not self.over)
    @rule(worker=WORKERS)
    def renew(self, worker: int) -> None:
        if worker in self.held:
            self.held[worker] = self.writes(worker, self.job.renew) or self.held[worker]
            self.lapsed = self.lapsed and self.holder != worker

    @precondition(lambda self: not self.over)
    @rule(worker=WORKERS)
    def return_claim(self, worker: int) -> None:
        if worker in self.held:
            self.writes(worker, self.job.return_claim)
            self.holder = None if self.holder == worker else self.holder

    @precondition(lambda self: not self.over)
    @rule(worker=WORKERS)
    def finish(self, worker: int) -> None:
        if worker in self.held:
            self.writes(worker, self.job.finish)
            self.over = self.holder == worker

    @rule()
    def lease_ends(self) -> None:
        """A counted attempt is recorded as lost. The holder of a lapsed lease may continue until another takes it."""
        self.run(lapse(self.job, self.clock))
        self.lapsed = not self.job.counted
        if self.holder is not None and not self.over and self.job.counted:
            self.holder = None
            self.lost_attempts += self.job.counted
            self.over = self.lost_attempts == MAX_LOST_ATTEMPTS

    def teardown(self) -> None:
        if hasattr(self, "job") and not (self.over and self.lost_attempts < MAX_LOST_ATTEMPTS):
            assert self.run(self.job.lost_attempts()) == self.lost_attempts
            assert self.run(self.job.has_failed()) == (self.lost_attempts == MAX_LOST_ATTEMPTS)


@pytest.fixture
def opened(stores: Stores) -> Iterator[None]:
    with asyncio.Runner() as runner:
        stack, Workers.runner, Workers.clock = AsyncExitStack(), runner, ManualClock()
        Workers.services = runner.run(stack.enter_async_context(open_services(stores, Workers.clock)))
        yield
        runner.run(stack.aclose())


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("kind", FENCED)
def test_two_workers_never_hold_valid_claims_simultaneously(kind: str) -> None:
    Workers.kind = kind
    run_state_machine_as_test(
        Workers,
        settings=settings(
            max_examples=6, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
