"""The worker's metrics: attempts by ending, steps by kind, lanes; no ids in any label."""

import asyncio
from dataclasses import replace
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from app.exports.wiring import build_export_work, build_exports
from app.items.schema.row import ItemRow, Lane
from app.items.service.backlog import Backlog, BacklogService
from app.items.service.lifecycle import LEASE
from app.items.service.queueing import QUEUES
from app.items.wiring import build_backlog, build_maintenance
from app.jobs.claim import LOST_ATTEMPT_WAITS, MAX_LOST_ATTEMPTS
from app.jobs.lapses import Lapses
from app.stores.resources import EXPORTS_QUEUE, EXPRESS_QUEUE
from app.stores.sqs import Message, Queues
from app.worker.export_attempts import export_attempts
from app.worker.item_attempts import item_attempts
from app.worker.metrics import LaneSampler, WorkerMetrics
from app.worker.steps import Steps
from darkroom_shared.problems import Unavailable
from darkroom_shared.times import utc_now
from tests.jobs.kinds import KINDS, Export
from tests.services import ManualClock, Services
from tests.worker.harness import a_tiny_photo, attempt_parts, message


class OneStep:
    """A pipeline of one step; raises `error` after it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def run(self, _claimed: ItemRow, steps: Steps) -> ItemRow:
        with steps.step("download"):
            pass
        raise self._error


async def test_a_lost_attempt_and_its_steps_are_counted_without_the_item(services: Services) -> None:
    registry, base = CollectorRegistry(), services.base
    metrics = WorkerMetrics(registry)
    attempts = item_attempts(
        lane=Lane.EXPRESS,
        work=services.work,
        pipeline=OneStep(KeyError("canary")),
        parts=attempt_parts(base, metrics),
    )
    for _ in range(3):
        await attempts.handle(message(await services.queued(a_tiny_photo())))
    ended = {"queue": EXPRESS_QUEUE, "ending": "lost_attempt"}
    assert registry.get_sample_value("darkroom_worker_attempts_total", ended) == 3
    step = {"step": "download", "kind": "image"}
    assert registry.get_sample_value("darkroom_worker_step_duration_seconds_count", step) == 3
    attempt = {"kind": "image", "ending": "lost_attempt"}
    assert registry.get_sample_value("darkroom_worker_attempt_duration_seconds_count", attempt) == 3
    labels = {tuple(sample.labels) for metric in registry.collect() for sample in metric.samples}
    both = {("step", "kind"), ("kind", "ending")}
    assert labels == {("queue", "ending"), *both, *((*each, "le") for each in both)}


async def test_an_export_and_its_steps_are_timed(services: Services, tmp_path: Path) -> None:
    registry, base = CollectorRegistry(), services.base
    exports = build_exports(base=base, delivery=services.representation._delivery)["exports"]
    parts = build_export_work(base=base, lease=LEASE)
    attempts = export_attempts(
        work=parts.work,
        objects=base.amazon.objects,
        inventory=parts.inventory,
        queues=base.amazon.queues,
        scratch=tmp_path,
        metrics=WorkerMetrics(registry),
    )
    row = await exports.start(services.account)
    await attempts.handle(Message({"account_id": services.account, "export_id": row.export_id}, "stale", 1))
    for step in ("export_originals", "export_finish"):
        labels = {"step": step, "kind": "export"}
        assert registry.get_sample_value("darkroom_worker_step_duration_seconds_count", labels) == 1
    attempt = {"kind": "export", "ending": "done"}
    assert registry.get_sample_value("darkroom_worker_attempt_duration_seconds_count", attempt) == 1


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("express", EXPRESS_QUEUE),
        ("bulk", QUEUES[Lane.BULK]),
        ("reprocessing", QUEUES[Lane.BULK]),
        ("export", EXPORTS_QUEUE),
    ],
)
async def test_an_attempt_of_a_killed_worker_is_counted_once_although_several_workers_sweep(
    services: Services, clock: ManualClock, name: str, queue: str
) -> None:
    registry, base = CollectorRegistry(), services.base
    lapses = Lapses(clock, LEASE, WorkerMetrics(registry).attempt_lapsed)
    items = build_maintenance(clients=base.clients, parts=base.items, lapses=lapses)
    job = KINDS[name](replace(services, maintenance=items), clock)
    if isinstance(job, Export):
        job._maintenance = build_export_work(base=base, lease=LEASE, lapses=lapses).maintenance
    await job.start()
    for lost_attempts in range(1, MAX_LOST_ATTEMPTS + 1):
        await job.claim()
        clock.advance(seconds=LEASE.total_seconds())
        await asyncio.gather(*(job.sweep() for _ in range(3)))
        ended = {"queue": queue, "ending": "lost_attempt"}
        assert registry.get_sample_value("darkroom_worker_attempts_total", ended) == lost_attempts
        clock.advance(seconds=max(LOST_ATTEMPT_WAITS).total_seconds())


async def test_the_oldest_wait_of_a_lane_is_sampled(services: Services, clock: ManualClock) -> None:
    registry, base = CollectorRegistry(), services.base
    backlog = build_backlog(clients=base.clients)
    sampler = LaneSampler(registry=registry, queues=base.amazon.queues, backlog=backlog, clock=base.clock)
    await services.queued(a_tiny_photo())
    clock.advance(minutes=7)
    await sampler.process()
    oldest = registry.get_sample_value("darkroom_lane_oldest_wait_seconds", {"queue": EXPRESS_QUEUE})
    waiting = registry.get_sample_value("darkroom_lane_messages", {"queue": EXPRESS_QUEUE, "state": "waiting"})
    assert oldest is not None
    assert oldest >= 7 * 60
    assert waiting is not None
    assert waiting >= 1


class Scraped:
    """Queues and backlog; while it is read, a scraper reads the registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry, self._error = registry, Unavailable()
        self.fails, self.seen = False, set[float]()

    async def depth(self, _queue: str) -> dict[str, int]:
        self._scrape()
        return {"waiting": 3, "in_work": 3}

    async def measure(self, _before: datetime) -> Backlog:
        self._scrape()
        return Backlog(past_deadline=0, oldest_by_lane=dict.fromkeys(QUEUES, 3.0))

    def _scrape(self) -> None:
        self.seen |= samples(self._registry)
        if self.fails:
            raise self._error


def samples(registry: CollectorRegistry) -> set[float]:
    return {sample.value for metric in registry.collect() for sample in metric.samples}


async def test_lanes_are_unknown_after_a_failed_sample_but_not_during_one() -> None:
    registry = CollectorRegistry()
    source = Scraped(registry)
    queues, backlog = cast(Queues, source), cast(BacklogService, source)
    sampler = LaneSampler(registry=registry, queues=queues, backlog=backlog, clock=utc_now)
    await sampler.process()
    source.seen.clear()
    await sampler.process()
    assert source.seen == {3.0}
    source.fails = True
    await sampler.process()
    assert all(isnan(value) for value in samples(registry))
