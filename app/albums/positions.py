"""Positions in the order made by hand: whole numbers with room between them, so that a move touches few rows."""

from collections.abc import Sequence
from datetime import datetime

STEP = 2**32
"""Between one item and the next where there is nothing to fit in between."""
_PER_MICROSECOND = 2**10


def of_capture(moment: datetime) -> int:
    """Where an item lies before anybody has moved anything: in the order of capture."""
    return round(moment.timestamp() * 1_000_000) * _PER_MICROSECOND


def between(lower: int | None, upper: int | None, count: int) -> list[int] | None:
    """`count` positions strictly between two, None standing for an open end; None when there is no room for them."""
    if lower is None and upper is None:
        lower = 0
    if lower is None:
        assert upper is not None  # noqa: S101 - one of them is there
        return [upper - STEP * place for place in range(count, 0, -1)]
    if upper is None:
        return [lower + STEP * place for place in range(1, count + 1)]
    step = (upper - lower) // (count + 1)
    return [lower + step * place for place in range(1, count + 1)] if step > 0 else None


def spread(order: Sequence[str], lower: int | None, upper: int | None) -> dict[str, int] | None:
    """A position for each, evenly between the two; None when there is no room for them."""
    positions = between(lower, upper, len(order))
    return None if positions is None else dict(zip(order, positions, strict=True))
