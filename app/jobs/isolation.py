"""One job's failure must reach no other job, and end no loop."""

from collections.abc import Awaitable

import structlog

from shared.problems import Problem

log = structlog.get_logger()


async def isolate(work: Awaitable[object], job: str, **pairs: object) -> bool:
    """Await `work` and log what it raises instead of raising it. Returns whether it succeeded.

    A Problem is expected (a store is away) and is a warning; everything else is a fault of ours and is logged with its
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
