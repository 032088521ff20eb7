"""How long everything lasts. The promise rests on the relations between, not on the numbers."""

from dataclasses import dataclass

CLOCK_TOLERANCE = 1.05
"""Whoever waits for others' permits to end waits this much longer: clocks do not run equally fast."""


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds. Tests scale it down."""

    poll: float = 0.5
    permit: float = 2.0
    fence: float = 10.0
    """For so long after a change a key is read from the writer."""
    lag_limit: float = 5.0
    """Of a reader; one that is further behind is not asked."""
    load: float = 2.0
    """For one reading of the database, the wait for a turn included."""
    lease: float = 5.0
    held: float = 0.25
    """How long others' loads are waited for before we load by ourselves; longer than a load usually takes."""
    recheck: float = 0.01
    """Between two looks at what another process is loading."""
    reply_seconds: float = 0.05
    """For each answer of Redis."""
    connect: float = 1.0
    retry: float = 1.0
    """At most, between two attempts to connect."""
    takeover: float = 5.0
    """How long only an outranked Redis is found before it is made the one that counts."""
    stale: float = 600.0
    """How long a value is kept past its lifetime, in case the database cannot be asked."""

    def __post_init__(self) -> None:
        if not self.lag_limit + self.permit < self.fence:
            raise ValueError("a fence must outlast a reader's lag, which is known as of at most a permit ago")
        if not 2 * self.load < self.lease:
            raise ValueError("a lease must outlast a load on the reader and another one on the writer")

    @property
    def until_permits_lapsed(self) -> float:
        """From a commit on: then every permit was renewed after it, by applying it, or has ended."""
        return self.permit * CLOCK_TOLERANCE


TIMING = Timing()
