"""How many values were read from Redis, and how many were not."""

from dataclasses import dataclass


@dataclass(slots=True)
class ReadCounts:
    """Counts of this process since its start."""

    hits: int = 0
    misses: int = 0
    """Values that Redis did not have, or had no longer fresh."""
    bypasses: int = 0
    """Values read from the database without Redis: it is off, unavailable, or this process has no permit."""
