"""Retry budget and circuit breaker, which keep many callers from overloading a failing database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

RETRY_SHARE = 0.1
"""Retries may add a tenth to the calls that would be sent without them."""
MAX_RETRIES = 10.0
"""Maximum of retries in one burst: as many as a pool has connections, which may all fail at once."""
FAILURES = 2
"""After this many failures in a row, only one caller at a time tries to connect."""
PAUSE_SECONDS = 0.25


class Unreachable(OSError):
    """The server did not respond as it should. The text contains no addresses or passwords."""


class NotAttempted(Unreachable):
    """No attempt was made, because attempts of other callers have just failed."""


class RetryBudget:
    """Each success earns a tenth of a retry: when calls stop succeeding, retries soon stop, too."""

    def __init__(self) -> None:
        self._tokens = MAX_RETRIES

    def earn(self) -> None:
        """Add a tenth of a retry after a success, up to MAX_RETRIES."""
        self._tokens = min(MAX_RETRIES, self._tokens + RETRY_SHARE)

    def spend(self) -> bool:
        """Take a retry from the budget. Returns False if none is left."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class CircuitBreaker:
    """Limits new connections to one server: after failures in a row, only one probe at a time is let through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Return whether new connections are refused, except for probes."""
        return self._failures >= FAILURES

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Guard one attempt to connect. Raises NotAttempted while the circuit is open, unless a probe is due."""
        probing = self.is_open
        if probing:
            self._probe()
        try:
            yield
        except Unreachable:
            self._failures += 1
            self._probe_at = self._clock() + PAUSE_SECONDS
            raise
        else:
            self._failures = 0
        finally:
            if probing:
                self._probing = False

    def _probe(self) -> None:
        if self._probing or self._clock() < self._probe_at:
            raise NotAttempted("other connection attempts have just failed")
        self._probing = True
