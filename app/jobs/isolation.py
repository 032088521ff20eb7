"""Isolation of failures: a failed job must not stop other jobs or its loop. Nothing else catches every exception."""

from collections.abc import Awaitable
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
    match await capture(work):
        case Problem() as problem:
            log.warning("job.interrupted", job=job, reason=str(problem), **pairs)
        case Exception() as error:
            log.error("job.crashed", job=job, exc_info=error, **pairs)
        case _:
            return True
    return False
