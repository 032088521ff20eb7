"""Counters of this process, exposed as plain text for a scraper."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Counters that the forwarder increments and /metrics reads. Needs no lock: all run in one event loop."""

    responses: Counter[int] = field(default_factory=Counter)
    """By status, including the web tier's own problems."""
    requests_in_flight: int = 0
    streams_in_flight: int = 0
    repeated: int = 0
    refused: int = 0
    abandoned: int = 0
    """Requests whose client disconnected before the end of the response."""
    cut: int = 0
    """Responses cut short because the app or the client stalled."""

    def as_text(self) -> str:
        lines = [f'darkroom_web_answers_total{{status="{status}"}} {n}' for status, n in sorted(self.responses.items())]
        lines += [
            f"darkroom_web_requests_in_flight {self.requests_in_flight}",
            f"darkroom_web_streams_in_flight {self.streams_in_flight}",
            f"darkroom_web_repeated_total {self.repeated}",
            f"darkroom_web_refused_total {self.refused}",
            f"darkroom_web_abandoned_total {self.abandoned}",
            f"darkroom_web_cut_total {self.cut}",
        ]
        return "\n".join(lines) + "\n"
