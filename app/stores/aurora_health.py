"""When to try a sick database again, and when not even to try: what keeps many callers from beating it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

RETRY_SHARE = 0.1
"""Retries may add a tenth to what would be sent without them."""
MAX_RETRIES = 10.0
"""In one burst: as many as a pool has connections that may all have died at once."""
FAILURES = 2
"""In a row, until nobody else tries to connect."""
PAUSE_SECONDS = 0.25


class OutOfReach(OSError):
    """The server was asked and did not answer as it should; says nothing of addresses or passwords."""


class NotTried(OutOfReach):
    """The server was not asked, because others have just failed."""


class RetryBudget:
    """Each success earns a tenth of a retry: while nothing succeeds, soon nothing is repeated."""

    def __init__(self) -> None:
        self._tokens = MAX_RETRIES

    def earn(self) -> None:
        self._tokens = min(MAX_RETRIES, self._tokens + RETRY_SHARE)

    def spend(self) -> bool:
        """Whether there is a retry left; it is then gone."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class CircuitBreaker:
    """Before one server's new connections: shut after failures in a row, but for one that looks whether all is well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0
        self._probing = False

    @property
    def shut(self) -> bool:
        return self._failures >= FAILURES

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around one attempt to connect. Raises NotTried when others have failed and somebody else looks."""
        probing = self.shut
        if probing:
            self._probe()
        try:
            yield
        except OutOfReach:
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
            raise NotTried("connecting has just failed for others")
        self._probing = True
