"""asyncio.TaskGroup for every supported Python: after it fails, time limits in the same task still work."""

import asyncio
import sys
from types import TracebackType


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
