"""Change a row by a rule: read it, compute the next row, write it if the stored revision is unchanged, else repeat."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from app.jobs.claim import ClaimLost
from darkroom_shared.problems import NotFound, Unavailable

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")

MAX_WAIT_SECONDS = 0.2
COMMIT_PAUSES_SECONDS = 0.2, 1.0


class Change(Protocol[R_co]):
    @property
    def row(self) -> R_co:
        """The next row, with the next revision."""
        ...


C = TypeVar("C", bound=Change[object])


async def change_by_revision(
    read: Callable[[int], Awaitable[R]],
    rule: Callable[[R], C | None],
    write: Callable[[C], Awaitable[None]],
    *,
    conflicts: tuple[type[Exception], ...],
    attempts: int,
    busy: str,
) -> R:
    """Return the new row, or the row as read if the rule returns None. Exceptions of the rule propagate.

    `read` gets the number of the try, from 0. Errors of `write` in `conflicts` mean that the row has changed since it
    was read. After `attempts` conflicts raises Unavailable with the detail `busy`.
    """
    for attempt in range(attempts):
        row = await read(attempt)
        change = rule(row)
        if change is None:
            return row
        try:
            await write(change)
        except conflicts:
            await asyncio.sleep(random.uniform(0, min(0.005 * 2**attempt, MAX_WAIT_SECONDS)))  # noqa: S311  jitter
            continue
        return change.row  # type: ignore[return-value]  # the rule of rows R makes changes of rows R
    raise Unavailable(busy, retry_after_seconds=1)


async def claim_or_return(
    apply: Callable[[Callable[[R], C | None]], Awaitable[R]],
    claim: Callable[[R], C | None],
    return_claim: Callable[[R], C | None],
    lease_seconds: float,
) -> R:
    """Claim a job by the rule `claim`. If it is unknown whether the claim was written, return it and raise Unavailable.

    Otherwise a claim whose response was lost would refuse the job's next attempt, and lapse as a lost attempt. If the
    stores stay unavailable for longer than the lease, it does.
    """
    is_decided = False

    def decide(row: R) -> C | None:
        nonlocal is_decided
        change = claim(row)
        is_decided = True
        return change

    try:
        return await apply(decide)
    except Unavailable:
        if is_decided:  # else nothing was written
            with suppress(ClaimLost, NotFound, Unavailable):
                await commit_with_retry(lambda: apply(return_claim), lease_seconds)
        raise


async def commit_with_retry(write: Callable[[], Awaitable[T]], lease_seconds: float) -> T:
    """Commit the outcome of an attempt, and repeat while stores are unavailable, for as long as the lease can hold.

    Otherwise a brief outage would discard minutes of work.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + lease_seconds
    while True:
        try:
            return await write()
        except Unavailable:
            pause = random.uniform(*COMMIT_PAUSES_SECONDS)  # noqa: S311  jitter
            if loop.time() + pause > until:
                raise
        await asyncio.sleep(pause)
