"""The claim of a job: who works on it, until when, and how many attempts were lost. Transitions are pure functions.

A claim that has lapsed stays in the row until `lapse` records the lost attempt, so that none is left uncounted.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol

MAX_LOST_ATTEMPTS = 5
LOST_ATTEMPT_WAITS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
"""How long a job waits after its first, second, … lost attempt."""


class ClaimLost(Exception):
    """The claim is void. The worker must discard its results."""


class Claimed(Protocol):
    """Anything with a claim: a row, or what a worker got when it claimed the job."""

    @property
    def claim(self) -> str | None:
        """The token of the claim; None while no worker has the job."""
        ...


class Claimable(Claimed, Protocol):
    """The part of a job's row that decides about claims."""

    @property
    def claimed_until(self) -> datetime | None:
        """The end of the lease; None while no worker has the job."""
        ...

    @property
    def attempt(self) -> int:
        """The number of claims so far, returned ones included."""
        ...

    @property
    def lost_attempts(self) -> int:
        """The number of attempts that crashed or whose lease lapsed."""
        ...

    @property
    def not_before(self) -> datetime | None:
        """The job cannot be claimed earlier."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """The next values of a `Claimable`. For a row without one of these fields, `fields` leaves it out."""

    claim: str | None = None
    claimed_until: datetime | None = None
    attempt: int = 0
    lost_attempts: int = 0
    not_before: datetime | None = None

    def fields(self, *without: str) -> dict[str, object]:
        """Return the values by field name, for `dataclasses.replace`."""
        return {name: value for name, value in asdict(self).items() if name not in without}


def new_token() -> str:
    return secrets.token_hex(16)


def token_of(job: Claimed) -> str:
    """Return the token of a claimed job. Raises ClaimLost if it has none."""
    if job.claim is None:
        raise ClaimLost
    return job.claim


def take(job: Claimable, token: str, now: datetime, lease: timedelta) -> Claim:
    """Claim the job. Raises ClaimLost if it is claimed, even if that claim has lapsed, or if its wait is not over."""
    if job.claim is not None or (job.not_before is not None and job.not_before > now):
        raise ClaimLost
    return Claim(token, now + lease, job.attempt + 1, job.lost_attempts)


def require(job: Claimed, token: str) -> None:
    """Raise ClaimLost unless the job's claim has this token."""
    if job.claim != token:
        raise ClaimLost


def renew(job: Claimable, token: str, now: datetime, lease: timedelta) -> Claim:
    """Extend the lease. Raises ClaimLost."""
    require(job, token)
    return Claim(token, now + lease, job.attempt, job.lost_attempts)


def return_claim(job: Claimable, token: str, now: datetime, wait: timedelta = timedelta()) -> Claim:
    """End the claim without counting a lost attempt. Raises ClaimLost."""
    require(job, token)
    return Claim(attempt=job.attempt, lost_attempts=job.lost_attempts, not_before=now + wait if wait else None)


def record_lost_attempt(
    job: Claimable, token: str, now: datetime, waits: Sequence[timedelta] = LOST_ATTEMPT_WAITS
) -> Claim:
    """End the claim and count a lost attempt; the job waits longer each time. Raises ClaimLost."""
    require(job, token)
    return _with_lost_attempt(job, now, waits)


def lapse(job: Claimable, now: datetime, waits: Sequence[timedelta] = LOST_ATTEMPT_WAITS) -> Claim | None:
    """Count a lost attempt if the lease has ended. Returns None if the job is not claimed or the lease is valid."""
    if job.claimed_until is None or job.claimed_until > now:
        return None
    return _with_lost_attempt(job, now, waits)


def is_exhausted(job: Claimable) -> bool:
    """Return whether the last allowed attempt was lost."""
    return job.lost_attempts >= MAX_LOST_ATTEMPTS


def _with_lost_attempt(job: Claimable, now: datetime, waits: Sequence[timedelta]) -> Claim:
    lost_attempts = job.lost_attempts + 1
    wait = waits[min(lost_attempts, len(waits)) - 1] if waits and lost_attempts < MAX_LOST_ATTEMPTS else None
    return Claim(attempt=job.attempt, lost_attempts=lost_attempts, not_before=now + wait if wait else None)
