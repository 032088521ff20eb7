"""The metrics that every process has: a registry of its own, request durations, event-loop lag."""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

from darkroom_process.request_head import KNOWN_METHODS

REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""2.5 s is the limit of one statement, 10 the web tier's deadline, 30 above a long poll, 60 the app's maximum."""
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
LAG_SAMPLE_SECONDS = 0.5


def new_registry() -> CollectorRegistry:
    """Return a registry with CPU, memory and descriptors of this process. The library's global one stays unused."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


class RequestMetrics:
    """Durations by route template, method and class of status, and the number of requests in progress.

    Labels are resolved once per combination, because resolving costs more than observing.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str = "darkroom") -> None:
        self.in_progress = 0
        self._durations = Histogram(
            f"{prefix}_request_duration_seconds",
            "From the head of a request to the end of its response; event streams included.",
            ("route", "method", "status"),
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        gauge = Gauge(f"{prefix}_requests_in_progress", "Requests without a complete response.", registry=registry)
        gauge.set_function(lambda: self.in_progress)
        self._resolved: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record a request. `route` must come from a bounded set; `status` is 0 if no response was begun."""
        durations = self._resolved.get((route, method, status))
        if durations is None:
            durations = self._resolve(route, method, status)
        durations.observe(seconds)

    def _resolve(self, route: str, method: str, status: int) -> Histogram:
        known_method = method if method in KNOWN_METHODS else "other"
        durations = self._durations.labels(route, known_method, f"{status // 100}xx" if status else "none")
        if known_method == method:
            self._resolved[route, method, status] = durations
        return durations


async def observe_loop_lag(registry: CollectorRegistry) -> None:
    """Measure until cancelled how late the event loop resumes a task that is due."""
    lag = Histogram(
        "darkroom_event_loop_lag_seconds",
        "How late the event loop resumes a task that is due.",
        buckets=LAG_BUCKETS,
        registry=registry,
    )
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_SAMPLE_SECONDS
        await asyncio.sleep(LAG_SAMPLE_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
