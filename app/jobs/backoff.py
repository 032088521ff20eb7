"""Waits between the attempts of a loop that retries without a limit."""

import random

FIRST_SECONDS = 0.5
MAX_SECONDS = 30.0


class Backoff:
    """Doubles the wait with each consecutive failure, with jitter: 50 to 100 percent of it."""

    def __init__(self, first_seconds: float = FIRST_SECONDS, max_seconds: float = MAX_SECONDS) -> None:
        self._first, self._max = first_seconds, max_seconds
        self._failures = 0

    def failed(self) -> float:
        """Count a failure; return the seconds to wait."""
        seconds = min(self._max, self._first * 2 ** min(self._failures, 30))
        self._failures += 1
        return random.uniform(seconds / 2, seconds)  # noqa: S311  jitter

    def succeeded(self) -> None:
        """Reset to the first wait."""
        self._failures = 0
