"""What a kind of job brings to the attempt runner, and how its attempts can end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar


class Ending(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    """The job has failed; another attempt would fail, too."""
    RETURNED = "returned"
    """The job waits for another attempt; this one is not counted."""
    LOST_ATTEMPT = "lost_attempt"
    CLAIM_LOST = "claim_lost"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ends that raised `error`; after `RETURNED` the job waits for `wait`."""

    error: type[Exception]
    ending: Ending
    wait: timedelta = timedelta()


class Message(Protocol):
    @property
    def body(self) -> dict[str, Any]:
        """The parsed JSON. It names the job; `Kind.parse` checks it."""
        ...

    @property
    def receipt_handle(self) -> str:
        """Identifies this delivery to the queue, not the message."""
        ...

    @property
    def receives(self) -> int:
        """The number of deliveries so far, this one included."""
        ...


class Queue(Protocol):
    """Where messages come from. Every method raises a Problem if the queue is unavailable."""

    async def hide(self, queue: str, receipt_handle: str, seconds: int, /) -> None:
        """Delay the message's next delivery to `seconds` from now."""
        ...

    async def delete(self, queue: str, receipt_handle: str, /) -> None:
        """Acknowledge the message, so that it is not delivered again."""
        ...


class Attempt(Protocol):
    """A claimed job. Every method raises ClaimLost if the claim is void, and then writes nothing."""

    @property
    def kind(self) -> str:
        """What is worked on, for metrics: one of few words."""
        ...

    @property
    def log_fields(self) -> Mapping[str, int]:
        """What each log line of the attempt contains, in addition to the names of its job."""
        ...

    async def run(self) -> None:
        """Do the work and store its result."""
        ...

    async def renew(self) -> None:
        """Extend the claim by the lease of its kind, from now."""
        ...

    async def check(self) -> None:
        """Only check the claim. Called after each wake-up."""
        ...

    def wakeups(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Return an event that is set when the claim may have ended early, for example because of a cancellation."""
        ...

    async def refuse(self, error: Exception) -> None:
        """Record that the job has failed, with the reason that `error` gives."""
        ...

    async def record_lost_attempt(self, error: Exception) -> None:
        """Count the attempt as lost. The job waits for another one, or fails if it has lost too many."""
        ...

    async def return_claim(self, wait: timedelta) -> None:
        """Return the job without counting the attempt. No worker claims it before `wait` has passed."""
        ...


K = TypeVar("K")


class Kind(Protocol[K]):
    """What one kind of job brings. `K` names a job."""

    @property
    def queue(self) -> str:
        """The name of the queue whose messages name the jobs."""
        ...

    @property
    def lease(self) -> timedelta:
        """How long a claim lasts without renewal; it is renewed at a quarter of this."""
        ...

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """The first match decides. An error without an outcome is a programming error and counts as a lost attempt."""
        ...

    def parse(self, body: dict[str, Any]) -> K:
        """Return the job that a message names. Raises ValueError."""
        ...

    def names(self, job: K) -> Mapping[str, str]:
        """Return the job's ids for the log."""
        ...

    async def claim(self, job: K) -> Attempt:
        """Claim the job for one attempt. Raises ClaimLost if it cannot be claimed now, and NotFound."""
        ...


Observe = Callable[[str, str, Ending, float], None]
"""Gets each ended attempt: its queue, its kind, its ending, and its duration in seconds. Must not raise."""
OnLapse = Callable[[str], None]
"""Gets the queue of each attempt that is recorded as lost because its claim has lapsed. Must not raise."""


def ignore_attempt(_queue: str, _kind: str, _ending: Ending, _seconds: float) -> None:
    """Do nothing."""
