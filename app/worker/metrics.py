"""The worker's metrics: jobs in progress, attempts, steps, lanes."""

from collections.abc import Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from app.worker.consumer import Consumer


def count_jobs_in_progress(registry: CollectorRegistry, consumers: Sequence[Consumer]) -> None:
    """Register a gauge that reads each consumer's number of messages in work."""
    gauge = Gauge(
        "darkroom_worker_jobs_in_progress", "Messages that this worker handles.", ("queue",), registry=registry
    )
    for consumer in consumers:
        gauge.labels(consumer.queue).set_function(partial(_in_work, consumer))


def _in_work(consumer: Consumer) -> int:
    return consumer.in_work
