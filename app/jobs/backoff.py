"""Waits between the tries of a loop that never gives up."""

import random

FIRST_SECONDS = 0.5
MAX_SECONDS = 30.0


class Backoff:
    """Doubles with each failure in a row, with jitter (half of it to all of it)."""

    def __init__(self, first_seconds: float = FIRST_SECONDS, max_seconds: float = MAX_SECONDS) -> None:
        self._first, self._max = first_seconds, max_seconds
        self._failures = 0

    def failed(self) -> float:
        """Count one more failure; returns how many seconds to wait."""
        seconds = min(self._max, self._first * 2 ** min(self._failures, 30))
        self._failures += 1
        return random.uniform(seconds / 2, seconds)  # noqa: S311  jitter

    def succeeded(self) -> None:
        """Begin anew with the first wait."""
        self._failures = 0
