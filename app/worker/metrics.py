"""The worker's metrics: attempts, steps, jobs in progress, and the lanes of all workers."""

import asyncio
import math
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.items.service.backlog import BacklogService
from app.items.service.queueing import QUEUES
from app.jobs.isolation import isolate
from app.jobs.kind import Ending
from app.jobs.loop import run_periodically
from app.stores.resources import DEAD_LETTERS_QUEUE, EXPORTS_QUEUE
from app.stores.sqs import Queues
from app.worker.consumer import Consumer
from darkroom_shared.times import Clock

STEP_BUCKETS = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1200.0, 3600.0, 14400.0)
"""Seconds: a photo takes less than one, a video's encode up to its own length."""
SAMPLE_SECONDS = 30.0
LANES = (*QUEUES.values(), EXPORTS_QUEUE, DEAD_LETTERS_QUEUE)


class WorkerMetrics:
    """What this worker's attempts did. Without a registry nothing is exported."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._attempts = Counter(
            "darkroom_worker_attempts",
            "Ended attempts; `lost_attempt` is a crash of a decoder, of our code, or of a worker.",
            ("queue", "ending"),
            registry=registry,
        )
        self._durations = Histogram(
            "darkroom_worker_attempt_duration_seconds",
            "Attempts that this worker ended, from the claim on.",
            ("kind", "ending"),
            buckets=STEP_BUCKETS,
            registry=registry,
        )
        self._steps = Histogram(
            "darkroom_worker_step_duration_seconds",
            "Completed steps of items, by the declared kind of file, and of exports.",
            ("step", "kind"),
            buckets=STEP_BUCKETS,
            registry=registry,
        )

    def attempt_ended(self, queue: str, kind: str, ending: Ending, seconds: float) -> None:
        """Record an attempt. `kind` must come from a bounded set."""
        self._attempts.labels(queue, ending.value).inc()
        self._durations.labels(kind, ending.value).observe(seconds)

    def attempt_lapsed(self, queue: str) -> None:
        """Record an attempt of any worker that the sweeper counts as lost; its duration is unknown."""
        self._attempts.labels(queue, Ending.LOST_ATTEMPT.value).inc()

    def step_ended(self, kind: str, step: str, seconds: float) -> None:
        """Record a step. `kind` and `step` must come from bounded sets."""
        self._steps.labels(step, kind).observe(seconds)


def count_jobs_in_progress(registry: CollectorRegistry, consumers: Sequence[Consumer]) -> None:
    """Register a gauge that reads each consumer's number of messages in work."""
    gauge = Gauge(
        "darkroom_worker_jobs_in_progress", "Messages that this worker handles.", ("queue",), registry=registry
    )
    for consumer in consumers:
        gauge.labels(consumer.queue).set_function(partial(_in_work, consumer))


def _in_work(consumer: Consumer) -> int:
    return consumer.in_work


class LaneSampler:
    """Reads the depth of each lane and the longest wait periodically. What could not be read is NaN; while a sample is
    taken, the previous one stays.
    """

    def __init__(self, *, registry: CollectorRegistry, queues: Queues, backlog: BacklogService, clock: Clock) -> None:
        self._queues, self._backlog, self._clock = queues, backlog, clock
        self._depths = Gauge(
            "darkroom_lane_messages", "Messages of a lane, of all workers.", ("queue", "state"), registry=registry
        )
        self._oldest = Gauge(
            "darkroom_lane_oldest_wait_seconds", "Longest wait of a queued item.", ("queue",), registry=registry
        )

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("lane_sampler", SAMPLE_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Take one sample of every lane."""
        for queue in LANES:
            if not await isolate(self._sample_depth(queue), "lane_sampler", queue=queue):
                for state in ("waiting", "in_work"):
                    self._depths.labels(queue, state).set(math.nan)
        if not await isolate(self._sample_oldest(), "lane_sampler"):
            for queue in QUEUES.values():
                self._oldest.labels(queue).set(math.nan)

    async def _sample_depth(self, queue: str) -> None:
        for state, messages in (await self._queues.depth(queue)).items():
            self._depths.labels(queue, state).set(messages)

    async def _sample_oldest(self) -> None:
        backlog = await self._backlog.measure(self._clock() - timedelta(seconds=SAMPLE_SECONDS))
        for lane, queue in QUEUES.items():
            self._oldest.labels(queue).set(backlog.oldest_by_lane.get(lane, 0.0))
