"""Retry for two concurrent copies of one request: the second transaction returns the first one's result."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.stores.aurora import Conflict

T = TypeVar("T")


async def retry_on_conflict(act: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction, and once more after a Conflict; the second run reads the result of the first request.

    Raises Conflict if the second run has one, too.
    """
    try:
        return await act()
    except Conflict:
        return await act()
