"""Redis is killed under load and is back after half a minute: requests succeed, at a bounded cost for the database."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, permutations

import httpx

from app.stores.cache.changes import POLL_SHARE
from app.stores.cache.timing import TIMING
from darkroom_shared.task_group import TaskGroup
from tests.reads.app_pair import CACHED_TABLES, AppPair, User, until_true

OUTAGE_SECONDS = 30
PAUSE_SECONDS = 0.2
"""Between two requests of one reader; each process has two readers."""
POLLS = math.ceil(TIMING.until_permits_lapsed / (TIMING.poll * POLL_SHARE)) + 1
"""Polls of the outbox by a change that waits until no process may serve the previous value."""
WARM_READS = 20


IN_FLIGHT = 5
"""The maximum number of requests in flight, whose statements are counted before their responses: one of each reader
and a change.
"""


@dataclass(slots=True)
class Load:
    """All responses so far."""

    reads: Counter[str] = field(default_factory=Counter)
    """The number of reads by path."""
    writes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    old: list[str] = field(default_factory=list)
    """Titles that were absent from a read although their write had been acknowledged."""

    async def read(self, client: httpx.AsyncClient, path: str) -> httpx.Response:
        response = await client.get(path)
        self.reads[path] += 1
        self.statuses[response.status_code] += 1
        return response

    async def rename(self, client: httpx.AsyncClient, album: str, title: str) -> None:
        response = await client.patch(album, json={"title": title})
        self.writes += 1
        self.statuses[response.status_code] += 1


@dataclass(frozen=True, slots=True)
class Cost:
    """Statements about data that one request costs when no value is cached."""

    reads: dict[str, int]
    write: int

    def max_queries(self, reads: Counter[str], writes: int) -> int:
        """Return the limit for these requests without Redis: a change writes its keys and polls for their
        confirmation.
        """
        change = self.write + 1 + POLLS
        return sum(times * self.reads[path] for path, times in reads.items()) + (writes + IN_FLIGHT) * change


async def test_without_redis_every_request_succeeds_from_the_database(
    pair: AppPair,
) -> None:
    user = await pair.user()
    album = f"/albums/{await user.album()}"
    cost = await _measure_without_cache(pair, user, album)
    # The session and the account; or also the album and its membership.
    assert cost.reads == {"/account": 2, album: 3}
    for path in cost.reads:
        await pair.warm(user, path)

    load = Load()
    async with _reading(user, tuple(cost.reads), load):
        async with _renaming(user, album, load):
            pair.node.kill()
            await pair.log.delete()
            reads, writes = load.reads.copy(), load.writes
            await asyncio.sleep(OUTAGE_SECONDS)
            statements = await pair.log.all_about_data()
            reads, writes = load.reads - reads, load.writes - writes
            pair.node.start()
        await until_true(lambda: _reads_cost_nothing(pair, load))

    assert set(load.statuses) == {200}, pair.errors()
    assert load.old == []
    assert writes > 0
    assert reads.total() < statements <= cost.max_queries(reads, writes)


async def _measure_without_cache(pair: AppPair, user: User, album: str) -> Cost:
    """Measure at a third process, which reads no values from Redis."""
    app = pair.processes.app(DARKROOM_CACHE="off")
    await app.ready()
    client, load = await pair.client(app, user.token), Load()
    reads = {path: await _cost(pair, partial(load.read, client, path)) for path in ("/account", album)}
    write = await _cost(pair, partial(load.rename, client, album, "Without cache"))
    assert set(load.statuses) == {200}
    return Cost(reads, write)


async def _cost(pair: AppPair, send: Callable[[], Awaitable[object]]) -> int:
    await send()  # the first one queries each server's version
    before = await pair.log.all_about_data()
    await send()
    return await pair.log.all_about_data() - before


@asynccontextmanager
async def _reading(user: User, paths: Sequence[str], load: Load) -> AsyncIterator[None]:
    """Run a reader of each path at each process until the block ends."""
    stopping = asyncio.Event()

    async def read(client: httpx.AsyncClient, path: str) -> None:
        while not stopping.is_set():
            await load.read(client, path)
            await asyncio.sleep(PAUSE_SECONDS)

    async with TaskGroup() as readers:
        for client in user.clients:
            for path in paths:
                readers.create_task(read(client, path))
        yield
        stopping.set()


@asynccontextmanager
async def _renaming(user: User, album: str, load: Load) -> AsyncIterator[None]:
    """Rename at one process after the other; after each response, the other process must return the new title."""
    stopping = asyncio.Event()

    async def rename() -> None:
        for number, (writer, reader) in enumerate(cycle(permutations(user.clients))):
            if stopping.is_set():
                return
            title = f"Summer {number}"
            await load.rename(writer, album, title)
            read = await load.read(reader, album)
            if read.json().get("title") != title:
                load.old.append(title)
            await asyncio.sleep(PAUSE_SECONDS)

    async with TaskGroup() as writers:
        writers.create_task(rename())
        yield
        stopping.set()


async def _reads_cost_nothing(pair: AppPair, load: Load) -> bool:
    """Return whether `WARM_READS` successive reads, at both processes, cost no query."""
    before, read = await pair.log.selects(*CACHED_TABLES), load.reads.total()
    await until_true(lambda: _have_read(load, read + WARM_READS))
    return await pair.log.selects(*CACHED_TABLES) == before


async def _have_read(load: Load, reads: int) -> bool:
    return load.reads.total() >= reads
