"""Isolation of failures: a failed job must not stop other jobs or its loop.

Elsewhere only a forked decoder and the client's plugins catch every exception.
"""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from darkroom_shared.problems import Problem

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """Wraps the value, so that a job that returned None is not taken for one that failed."""

    value: T


@dataclass(slots=True)
class JobCounts:
    """The isolated jobs of one run of a loop, by how they ended."""

    succeeded: int = 0
    failed: int = 0


_counts: ContextVar[JobCounts | None] = ContextVar("job_counts", default=None)


@contextmanager
def counting_jobs(counts: JobCounts) -> Iterator[None]:
    """Count the jobs that are isolated in this block, also in the tasks that it starts.

    A context variable, so that no loop can forget to pass its counts on.
    """
    token = _counts.set(counts)
    try:
        yield
    finally:
        _counts.reset(token)


async def capture(work: Awaitable[T]) -> Result[T] | Exception:
    """Return what `work` returned or raised. Cancellation passes through."""
    try:
        return Result(await work)
    except Exception as error:  # noqa: BLE001  returned: the type makes the caller decide
        return error


async def isolate(work: Awaitable[object], job: str, **pairs: object) -> bool:
    """Await `work`; log its error instead of raising it. Returns whether it succeeded.

    A Problem is expected (a store is unavailable) and logged as a warning; any other error is a bug and logged with its
    traceback. Cancellation passes through.
    """
    result, counts = await capture(work), _counts.get()
    if counts is not None:
        counts.succeeded += isinstance(result, Result)
        counts.failed += not isinstance(result, Result)
    match result:
        case Problem() as problem:
            log.warning("job.interrupted", job=job, reason=str(problem), **pairs)
        case Exception() as error:
            log.error("job.crashed", job=job, exc_info=error, **pairs)
        case _:
            return True
    return False
