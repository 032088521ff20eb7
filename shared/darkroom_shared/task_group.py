"""asyncio.TaskGroup and its errors, alike on every supported Python."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

E = TypeVar("E", bound=Exception)
B = TypeVar("B", bound=BaseException)


class TaskGroup(asyncio.TaskGroup):  # noqa: TID251 - mended here
    """Leaves no cancellation request on the task in which it failed, as Python 3.13 and later do.

    Before 3.13, a group that failed while it was awaited left one request counted. Up to Python 3.11.3, each later
    `asyncio.timeout` in that task, those inside libraries included, then raised CancelledError instead of
    TimeoutError.
    """

    _parent_cancel_requested: bool  # asyncio's own: this group has cancelled the task around it

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        withdrawn = self._parent_cancel_requested  # asyncio itself withdraws a request made in the body
        try:
            await super().__aexit__(kind, error, traceback)
        finally:
            task = asyncio.current_task()
            if sys.version_info < (3, 13) and task and self._parent_cancel_requested and not withdrawn:
                task.uncancel()


@contextmanager
def unwrapped(kind: type[E]) -> Iterator[None]:
    """Raise the first error of a task group by itself if all of its errors are of this class.

    A `raise` in `except*` does the same since Python 3.11.4 only; before, what it raises is put into a new group.
    """
    try:
        yield
    except ExceptionGroup as group:
        errors, rest = group.split(kind)
        if errors is None or rest is not None:
            raise
        raise first_of(errors) from None


@contextmanager
def cancelled_on_error(tasks: Sequence[asyncio.Task[Any]]) -> Iterator[None]:
    """Cancel the tasks if the block raises, so that none of them fails while the block's error propagates."""
    try:
        yield
    except BaseException:
        for task in tasks:
            task.cancel()
        raise


def first_of(group: BaseExceptionGroup[B]) -> B:
    """Return the first error of the group and of the groups in it."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first
