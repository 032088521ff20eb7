"""Retry policies as values, applied to API requests and to transfers, never nested."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from darkroom_client.errors import ClientError, NotReachable, StorageBusy
from darkroom_shared.problems import DeadlineExceeded, Problem, TooManyRequests, Unavailable

ResultT = TypeVar("ResultT")

PASSING_ERRORS = (NotReachable, StorageBusy, TooManyRequests, Unavailable, DeadlineExceeded)
PASSING_STATUSES = frozenset({500, 502, 503, 504})
"""For responses that are not a problem of ours, such as a balancer's own error page."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    attempts: int
    total_seconds: float
    """No attempt begins later than this after the first."""
    first_wait_seconds: float = 0.2
    max_wait_seconds: float = 10.0

    def wait_seconds(self, failures: int, requested_seconds: float | None) -> float:
        """Return a wait with full jitter below a doubling ceiling, and at least what the server requested."""
        ceiling = min(self.max_wait_seconds, self.first_wait_seconds * 2.0 ** (failures - 1))
        jittered = random.uniform(0, ceiling)  # noqa: S311 - spreads load, protects no secret
        return max(jittered, requested_seconds or 0.0)


API_RETRIES = RetryPolicy(attempts=5, total_seconds=30.0)
TRANSFER_RETRIES = RetryPolicy(attempts=10, total_seconds=120.0)
STREAM_RETRIES = RetryPolicy(attempts=1_000, total_seconds=300.0, first_wait_seconds=1.0)
"""An event stream may be interrupted for five minutes, which includes a restart of the whole service."""


def is_passing(error: Exception) -> bool:
    """Return True if the same attempt may succeed a little later."""
    if isinstance(error, PASSING_ERRORS):
        return True
    return type(error) is Problem and error.extras.get("status", error.status) in PASSING_STATUSES


async def retried(policy: RetryPolicy, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return the result of `attempt`. Raises its last error if the policy is exhausted or the error is permanent."""
    clock = asyncio.get_running_loop().time
    began, failures = clock(), 0
    while True:
        try:
            return await attempt()
        except (Problem, ClientError) as error:
            failures += 1
            wait = policy.wait_seconds(failures, error.retry_after_seconds)
            if not is_passing(error) or failures >= policy.attempts or clock() - began + wait > policy.total_seconds:
                raise
        await asyncio.sleep(wait)
