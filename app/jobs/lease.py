"""A lease: the time until which one process has a task, without counting attempts. The end of the lease is its token.

After a crash the lease ends by itself and the next process continues, so tasks under a lease must be repeatable.
"""

from datetime import datetime


def is_held(until: datetime | None, now: datetime) -> bool:
    """Return whether a lease that ends at `until` is valid. None: the task is free."""
    return until is not None and until > now
