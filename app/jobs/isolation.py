"""Isolation of failures: a failed job must not stop other jobs or its loop."""

from collections.abc import Awaitable

import structlog

from darkroom_shared.problems import Problem

log = structlog.get_logger()


async def isolate(work: Awaitable[object], job: str, **pairs: object) -> bool:
    """Await `work`; log its error instead of raising it. Returns whether it succeeded.

    A Problem is expected (a store is unavailable) and logged as a warning; any other error is a bug and logged with its
    traceback. Cancellation passes through.
    """
    try:
        await work
    except Problem as problem:
        log.warning("job.interrupted", job=job, reason=str(problem), **pairs)
    except Exception:
        log.exception("job.crashed", job=job, **pairs)
    else:
        return True
    return False
