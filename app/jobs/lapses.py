"""When lapsed claims may be recorded as lost attempts: not while workers may have been unable to renew them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.jobs.attempt import HEARTBEATS_PER_LEASE
from app.jobs.kind import OnLapse
from app.jobs.revisions import Change
from darkroom_shared.problems import Problem, Unavailable
from darkroom_shared.times import Clock

MARGIN = timedelta(seconds=1)
"""Time for the heartbeat's own write."""

C = TypeVar("C", bound=Change[Any])
R = TypeVar("R")
T = TypeVar("T")


class Lapses:
    """Shared by a process's sweepers of one table of claims. It notes whether they can read and write it.

    During an outage of the table that is longer than the lease, all claims lapse although their workers run. After an
    outage of at least one heartbeat's interval, no lapse is recorded until each worker has had time for a heartbeat.
    During a shorter outage a claim misses at most one heartbeat.

    An outage of writes only is noticed when a lapse cannot be written. From then on one claim at a time is renewed
    instead, until a renewal succeeds; after that no lapse is recorded in the same way.
    """

    def __init__(self, clock: Clock, lease: timedelta, on_lapse: OnLapse = lambda _queue: None) -> None:
        """`on_lapse` gets each lapse that is recorded."""
        self._clock, self._on_lapse = clock, on_lapse
        self._interval = lease / HEARTBEATS_PER_LEASE
        self._pause_length = self._interval + MARGIN
        self._unreachable_since: datetime | None = None
        self._paused_until: datetime | None = None
        self._writes_fail = self._is_renewing = False

    def start_paused(self) -> None:
        """Pause from now on as after an outage. A sweeper that has just started cannot know of one.

        This hardly delays anything: a worker that is killed now has renewed its claims a moment ago.
        """
        self._unreachable_since = datetime.min.replace(tzinfo=UTC)

    @property
    def are_paused(self) -> bool:
        """Return whether a lapsed claim must be left as it is."""
        now = self._clock()
        return self._is_outage(now) or (self._paused_until is not None and now < self._paused_until)

    async def apply(
        self,
        apply: Callable[[Callable[[R], C | None]], Awaitable[R]],
        rule: Callable[[R], C | None],
        renew: Callable[[R, timedelta], C],
        *,
        lost_attempts: Callable[[R], int],
        queue: str,
    ) -> R:
        """Apply the rule of deadlines and leases to a job of `queue`; return its row.

        `renew` extends the claim of a row from now on. Leaves a lapsed claim as it is while lapses are paused. Reports
        a lapse once, although several workers sweep. Raises Unavailable also while another lapse tries to write.
        """
        has_lapsed = is_renewing = False

        def decide(row: R) -> C | None:
            nonlocal has_lapsed, is_renewing
            self._is_renewing &= not is_renewing
            has_lapsed = is_renewing = False
            change = rule(row)
            if change is None or lost_attempts(change.row) <= lost_attempts(row):
                return change
            if self.are_paused:
                return None
            if self._writes_fail:
                if self._is_renewing:
                    raise Unavailable(retry_after_seconds=1)
                self._is_renewing = is_renewing = True
                return renew(row, self._pause_length)
            has_lapsed = True
            return change

        try:
            changed = await apply(decide)
        except (Unavailable, asyncio.CancelledError):  # cancelled by the limit of a sweeper's job
            self._writes_fail |= has_lapsed
            raise
        finally:
            self._is_renewing &= not is_renewing
        if is_renewing:
            self._writes_fail = False
            self._pause()
        if has_lapsed:
            self._on_lapse(queue)
        return changed

    async def watch(self, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield what `pages` yields, and note whether its table was reached."""
        while True:
            with self._noted_reach():
                page = await anext(pages, None)
            if page is None:
                return
            yield page

    @contextmanager
    def _noted_reach(self) -> Iterator[None]:
        began_at = self._clock()
        try:
            yield
        except Problem:
            self._unreachable_since = self._unreachable_since or began_at
            raise
        if self._is_outage(self._clock()):
            self._pause()
        self._unreachable_since = None

    def _pause(self) -> None:
        self._paused_until = self._clock() + self._pause_length

    def _is_outage(self, now: datetime) -> bool:
        return self._unreachable_since is not None and now - self._unreachable_since >= self._interval
