"""One request sent twice at the same moment: who loses finds what the winner was answered."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.stores.aurora import Conflict

T = TypeVar("T")


async def retry_on_conflict(act: Callable[[], Awaitable[T]]) -> T:
    """Runs a transaction once more when somebody else was first: it begins by looking what was answered.

    Raises Conflict when that happens again.
    """
    try:
        return await act()
    except Conflict:
        return await act()
