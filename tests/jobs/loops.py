"""What the tests of a worker's loops share: faulty services, and a loop with a job that it must complete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import SecretStr
from structlog.testing import capture_logs

from app.jobs.loop import run_periodically, running
from tests.jobs.aws_faults import AwsFaults, FaultyClient
from tests.services import ManualClock, Services, Stores, open_services

TICK_SECONDS = 0.002
LIMIT_SECONDS = 60.0
AFTERWARDS_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Faulty:
    """The loops' services, whose AWS clients raise what is injected, beside `own`, which prepare and check the work."""

    services: Services
    own: Services
    faults: AwsFaults
    clock: ManualClock


@asynccontextmanager
async def open_faulty(
    stores: Stores, clock: ManualClock, database_url: str, **changes: object
) -> AsyncIterator[Faulty]:
    """Open both on a database without other tests' work. `changes`: settings of the loops' services."""
    faults, database = AwsFaults(), {"database_url": SecretStr(database_url)}
    async with (
        open_services(stores, clock, **database) as own,
        open_services(stores, clock, **(database | changes)) as opened,
    ):
        amazon: Any = opened.base.amazon
        for store in (amazon.dynamo, amazon.objects, amazon.queues, amazon.topics):
            store._client = FaultyClient(store._client, faults)
        amazon.queues._polling = FaultyClient(amazon.queues._polling, faults)
        yield Faulty(opened, own, faults, clock)


Due = tuple[int, Callable[[], Awaitable[bool]]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop's tick, and its work: `prepare` makes a job due, and returns its shard and a check whether it is done."""

    tick: Callable[[int], Awaitable[None]]
    prepare: Callable[[], Awaitable[Due]]


Key = TypeVar("Key")


async def alone_in_its_shard(
    create: Callable[[], Awaitable[tuple[Key, Due]]],
    due: Callable[[int], AsyncIterator[Sequence[Key]]],
    remove: Callable[[Sequence[Key]], Awaitable[None]],
) -> Due:
    """Create a job and remove the other tests' jobs that are due in its shard: a loop that completes one of them does
    not back off."""
    created, job = await create()
    while older := [key async for page in due(job[0]) for key in page if key != created]:
        await remove(older)
    return job


async def complete(loop: Loop, *, errors_are_left: Callable[[], bool] = lambda: False) -> None:
    """Prepare a job and let the loop run until the job is done, and for a moment longer while injected errors are
    left: what follows the job may be cut by a time limit of its own."""
    (shard, is_done), stopping = await loop.prepare(), asyncio.Event()
    ticking = run_periodically("tests", TICK_SECONDS, stopping, lambda _shard: loop.tick(shard))
    with capture_logs():  # printed tracebacks take seconds each
        async with running(ticking) as task, asyncio.timeout(LIMIT_SECONDS):
            while not await is_done():
                assert not task.done(), "the loop has ended"
                await asyncio.sleep(TICK_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(AFTERWARDS_SECONDS):
                    while errors_are_left():  # noqa: ASYNC110  no event
                        await asyncio.sleep(TICK_SECONDS)
