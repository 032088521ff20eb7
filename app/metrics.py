"""Counters of this process in the Prometheus text format."""

from collections import Counter

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of a process. Names end in their unit; `_total` is added to counts."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._request_seconds = 0.0
        self._counts: Counter[str] = Counter()
        self.requests_in_flight = 0

    def count(self, name: str, more: int = 1) -> None:
        """Add to a counter. `name` has neither prefix nor `_total`, for example `password_hashes`."""
        self._counts[name] += more

    def request_completed(self, method: str, status: int, seconds: float) -> None:
        self._requests[method, status] += 1
        self._request_seconds += seconds

    def as_text(self) -> str:
        lines = [
            "# TYPE darkroom_requests_total counter",
            *(
                f'darkroom_requests_total{{method="{method}",status="{status}"}} {number}'
                for (method, status), number in sorted(self._requests.items())
            ),
            "# TYPE darkroom_request_seconds_total counter",
            f"darkroom_request_seconds_total {self._request_seconds:.6f}",
            "# TYPE darkroom_requests_in_flight gauge",
            f"darkroom_requests_in_flight {self.requests_in_flight}",
        ]
        for name, number in sorted(self._counts.items()):
            lines += [f"# TYPE darkroom_{name}_total counter", f"darkroom_{name}_total {number}"]
        return "\n".join(lines) + "\n"
