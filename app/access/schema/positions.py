"""Positions in the manual order: integers with gaps, so that a move updates few rows."""

from collections.abc import Sequence
from datetime import datetime

STEP = 2**32
"""Distance between neighbours at an open end of the order, and after a renumbering."""
_PER_MICROSECOND = 2**10
_LIMIT = 2**63 - 2**58
"""The column has 64 bits; the difference leaves room for moves beyond an item at the limit."""


def of_capture(moment: datetime) -> int:
    """Return the position of an item before any move: in the order of capture time.

    Times before the year 1694 have the same position, and so do times after 2246.
    """
    return max(-_LIMIT, min(round(moment.timestamp() * 1_000_000) * _PER_MICROSECOND, _LIMIT))


def between(lower: int | None, upper: int | None, count: int) -> list[int] | None:
    """Return `count` positions strictly between the bounds, or None if there is no room. A bound of None is open."""
    if lower is None and upper is None:
        lower = 0
    if lower is None:
        assert upper is not None  # noqa: S101 - at least one bound is set
        return [upper - STEP * place for place in range(count, 0, -1)]
    if upper is None:
        return [lower + STEP * place for place in range(1, count + 1)]
    step = (upper - lower) // (count + 1)
    return [lower + step * place for place in range(1, count + 1)] if step > 0 else None


def spread(order: Sequence[str], lower: int | None, upper: int | None) -> dict[str, int] | None:
    """Return evenly spaced positions between the bounds, or None if there is no room."""
    positions = between(lower, upper, len(order))
    return None if positions is None else dict(zip(order, positions, strict=True))
