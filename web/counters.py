"""What this process has done so far, as plain text for a scraper."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Counted by the forwarder, read by /metrics; one event loop, so no lock."""

    responses: Counter[int] = field(default_factory=Counter)
    """By status, the web tier's own problems included."""
    requests_in_flight: int = 0
    streams_in_flight: int = 0
    repeated: int = 0
    refused: int = 0
    abandoned: int = 0
    """The client went away before the answer's end."""
    cut: int = 0
    """The answer ended early because the app or the client stalled."""

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
