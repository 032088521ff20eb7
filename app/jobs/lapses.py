"""When lapsed claims may be recorded as lost attempts: not while workers may have been unable to renew them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.jobs.attempt import HEARTBEATS_PER_LEASE
from app.jobs.kind import OnLapse
from app.jobs.revisions import Change
from darkroom_shared.problems import Problem
from darkroom_shared.times import Clock

MARGIN = timedelta(seconds=1)
"""Time for the heartbeat's own write."""

C = TypeVar("C", bound=Change[Any])
R = TypeVar("R")
T = TypeVar("T")


class Lapses:
    """Shared by all sweepers of a process. It notes whether they reach the table of claims.

    An outage of the table that outlasts the lease ends all claims, although their workers are alive. After one of at
    least a heartbeat's interval, no lapse is recorded until each worker has had time for a heartbeat. A shorter outage
    costs a claim no more than one of its heartbeats.
    """

    def __init__(self, clock: Clock, lease: timedelta, on_lapse: OnLapse = lambda _queue: None) -> None:
        """`on_lapse` gets each lapse that is recorded."""
        self._clock, self._on_lapse = clock, on_lapse
        self._interval = lease / HEARTBEATS_PER_LEASE
        self._unreachable_since: datetime | None = None
        self._paused_until: datetime | None = None

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
        *,
        lost_attempts: Callable[[R], int],
        queue: str,
    ) -> R:
        """Apply the rule of deadlines and leases to a job of `queue`; return its row.

        Leaves a lapsed claim as it is while lapses are paused. Reports a lapse once, although several workers sweep.
        """
        has_lapsed = False

        def apply_unless_paused(row: R) -> C | None:
            nonlocal has_lapsed
            change = rule(row)
            has_lapsed = change is not None and lost_attempts(change.row) > lost_attempts(row)
            if has_lapsed and self.are_paused:
                has_lapsed = False
                return None
            return change

        changed = await apply(apply_unless_paused)
        if has_lapsed:
            self._on_lapse(queue)
        return changed

    async def watch(self, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        """Yield what `pages` yields, and note whether its table was reached."""
        while True:
            with self._noting():
                page = await anext(pages, None)
            if page is None:
                return
            yield page

    @contextmanager
    def _noting(self) -> Iterator[None]:
        began_at = self._clock()
        try:
            yield
        except Problem:
            self._unreachable_since = self._unreachable_since or began_at
            raise
        now = self._clock()
        if self._is_outage(now):
            self._paused_until = now + self._interval + MARGIN
        self._unreachable_since = None

    def _is_outage(self, now: datetime) -> bool:
        return self._unreachable_since is not None and now - self._unreachable_since >= self._interval
