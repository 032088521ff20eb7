"""All durations of the cache. The promise depends on the relations between them, not on the numbers."""

from dataclasses import dataclass

CLOCK_TOLERANCE = 1.05
"""Factor for waiting until other processes' permits end: clocks do not run equally fast."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All times are in seconds. Tests scale them down."""

    poll: float = 0.5
    permit: float = 2.0
    fence: float = 10.0
    """How long after a change a key is read from the writer."""
    lag_limit: float = 5.0
    """Maximum lag of a reader; one that is further behind is not used."""
    load: float = 2.0
    """Time limit of one load from the database, including the wait for the semaphore."""
    lease: float = 5.0
    held: float = 0.25
    """How long to wait for another process's load before loading without the lease; longer than a load usually takes.
    """
    recheck: float = 0.01
    """Interval of checking for what another process is loading."""
    reply_seconds: float = 0.05
    """Time limit of each reply of Redis."""
    connect: float = 1.0
    retry: float = 1.0
    """Maximum time between two attempts to connect."""
    takeover: float = 5.0
    """How long a superseded Redis must be the only one available before it becomes the current one."""
    stale: float = 600.0
    """How long a value is kept past its lifetime, in case the database is unavailable."""

    def __post_init__(self) -> None:
        if not self.lag_limit + self.permit < self.fence:
            raise ValueError("a fence must outlast a reader's lag, which is known as of at most a permit ago")
        if not 2 * self.load < self.lease:
            raise ValueError("a lease must outlast a load on the reader and another one on the writer")

    @property
    def until_permits_lapsed(self) -> float:
        """Time from a commit until every permit has ended or was renewed by a poll that applied the commit."""
        return self.permit * CLOCK_TOLERANCE


TIMING = Timing()
