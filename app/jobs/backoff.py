"""Waits between the attempts of a loop that retries without a limit."""

import random


class Backoff:
    """Doubles the wait with each consecutive failure, with jitter: 50 to 100 percent of it."""

    first_seconds = 0.5
    max_seconds = 30.0

    def __init__(self, first_seconds: float = first_seconds, max_seconds: float = max_seconds) -> None:
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
