"""The web tier's metrics: forwarded requests, failures of the app, requests over a limit."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from darkroom_process.metrics import RequestMetrics

FORWARDED = "/v1/{path}"
EVENTS = "/v1/events"


class ForwardingMetrics:
    """All series exist from the start, so that a rate is 0 and not absent while nothing fails."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = RequestMetrics(registry, "darkroom_web")
        self.streams_in_progress = 0
        streams = Gauge("darkroom_web_streams_in_progress", "Open event streams.", registry=registry)
        streams.set_function(lambda: self.streams_in_progress)
        refused = Counter(
            "darkroom_web_refused", "Requests that got 503 because a limit was reached.", ("limit",), registry=registry
        )
        self.refused_requests, self.refused_streams = refused.labels("requests"), refused.labels("streams")
        errors = Counter(
            "darkroom_web_app_errors",
            "Failures of the app: no connection, no response in time, a body cut short.",
            ("error",),
            registry=registry,
        )
        self.unreachable, self.late, self.cut = (errors.labels(error) for error in ("unreachable", "late", "cut"))
        self.repeated = Counter("darkroom_web_repeated", "Requests sent to the app a second time.", registry=registry)
        self.abandoned = Counter(
            "darkroom_web_abandoned", "Requests whose client disconnected before the end.", registry=registry
        )
