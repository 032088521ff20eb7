"""A thousand people who ask two processes for the same album at once: queries counted by the database itself."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncmy
from redis.asyncio.client import Monitor

from app.stores.cache.timing import TIMING
from app.stores.cache.values import HEADER
from tests.database_pair import MariaDb
from tests.reads.twins import Somebody, Twins, until_true

PEOPLE = 500
"""At each process."""
ROUNDS = 8
"""Whoever waits for another process's load for 250 ms loads by itself, as it should, and whoever waits for Redis for
50 ms leaves it: on a machine that is busy with others both happen. So one round must show what is promised; without
leases each would show two queries, see `_held_up`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of everybody's requests, and what the database was asked for them."""

    statuses: Counter[int]
    together: bool
    """Both processes had asked Redis before the database answered either."""
    albums: tuple[int, int]
    """Queries at the writer and at the reader."""
    memberships: tuple[int, int]

    @property
    def all_at_once(self) -> bool:
        return self.together and self.statuses == {200: 2 * PEOPLE}


Round = Callable[[], Awaitable[Asked]]


async def test_a_thousand_readers_of_an_album_that_was_just_made_cost_one_query_of_the_writer(twins: Twins) -> None:
    somebody = await twins.somebody()
    await twins.warm(somebody, "/account")

    async def ask() -> Asked:
        return await _ask_at_once(twins, somebody, await somebody.album(), twins.pair.writer)

    await _one_round_shows(ask, lambda asked: asked.albums == asked.memberships == (1, 0))


async def test_a_thousand_readers_of_an_album_that_redis_has_evicted_cost_one_query_of_the_reader(twins: Twins) -> None:
    ask = await _asking_again(twins, _evict)

    await _one_round_shows(ask, lambda asked: asked.albums == asked.memberships == (0, 1))


async def test_a_thousand_readers_of_an_album_whose_time_is_over_cost_two_queries_at_most(twins: Twins) -> None:
    ask = await _asking_again(twins, _let_expire)

    await _one_round_shows(ask, lambda asked: {asked.albums, asked.memberships} <= {(0, 1), (0, 2)})


async def _asking_again(twins: Twins, spoil: Callable[[Twins, str], Awaitable[None]]) -> Round:
    """For an album that everybody had from Redis, until what Redis has of it is spoilt."""
    somebody = await twins.somebody()
    album = await somebody.album()
    await _until_evicted_ones_come_from_the_reader(twins, somebody, album)

    async def ask() -> Asked:
        await twins.warm(somebody, f"/albums/{album}")
        await spoil(twins, album)
        return await _ask_at_once(twins, somebody, album, twins.pair.reader)

    return ask


async def _one_round_shows(ask: Round, promised: Callable[[Asked], bool]) -> None:
    rounds: list[Asked] = []
    while not rounds or not (rounds[-1].all_at_once and promised(rounds[-1])):
        assert len(rounds) < ROUNDS, rounds
        rounds.append(await ask())


async def _ask_at_once(twins: Twins, somebody: Somebody, album: str, server: MariaDb) -> Asked:
    """All connections are open before the first request is sent, and none is answered before all are sent."""
    await twins.log.forget()
    people = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", app.port) for app in twins.apps for _ in range(PEOPLE))
    )
    head = f"Host: app\r\nAuthorization: Bearer {somebody.token}\r\nConnection: close\r\n"
    async with _held_up(twins, album, server) as together:
        for _, writer in people:
            writer.write(f"GET /v1/albums/{album} HTTP/1.1\r\n{head}\r\n".encode())
    answers = await asyncio.gather(*(reader.read() for reader, _ in people))
    for _, writer in people:
        writer.close()
    return Asked(
        Counter(int(answer.split(maxsplit=2)[1]) for answer in answers),
        together.is_set(),
        await twins.log.selects("albums", part=album),
        await twins.log.selects("album_members", part=album),
    )


@asynccontextmanager
async def _held_up(twins: Twins, album: str, server: MariaDb) -> AsyncIterator[asyncio.Event]:
    """Nobody reads albums from this server until both processes have asked Redis who is to load this one.

    So a process that loads although the other one does it already cannot come too late to be counted.
    """
    together = asyncio.Event()
    locking = await asyncmy.connect(host="127.0.0.1", port=server.port, user="root", db=twins.database)
    async with twins.redis.monitor() as monitor, locking.cursor() as cursor:
        await cursor.execute("LOCK TABLES albums WRITE")
        try:
            yield together
            with suppress(TimeoutError):  # then somebody loads alone by now
                async with asyncio.timeout(TIMING.held):
                    await _both_asked(twins, album, monitor)
                    together.set()
        finally:
            await cursor.execute("UNLOCK TABLES")
    locking.close()


async def _both_asked(twins: Twins, album: str, monitor: Monitor) -> None:
    asking: set[str] = set()
    while len(asking) < len(twins.apps):
        said = await monitor.next_command()
        if re.search(f"^EVALSHA .*l:album:.*{album}", said["command"]):
            asking.add(said["client_port"])


async def _until_evicted_ones_come_from_the_reader(twins: Twins, somebody: Somebody, latest: str) -> None:
    """It takes ten seconds since the album was made, and since this Redis was new, for then the writer is asked."""

    async def asks_the_reader() -> bool:
        await _evict(twins, latest)
        await twins.log.forget()
        (await somebody.clients[0].get(f"/albums/{latest}")).raise_for_status()
        return await twins.log.selects("albums", part=latest) == (0, 1)

    await until_true(asks_the_reader)


async def _evict(twins: Twins, album: str) -> None:
    if names := await _values(twins, album):
        await twins.redis.delete(*names)


async def _let_expire(twins: Twins, album: str) -> None:
    """By moving the moment that stands before each value."""
    for name in await _values(twins, album):
        raw: bytes = await twins.redis.get(name)  # type: ignore[assignment]  # it does not decode
        _, *rest = HEADER.unpack_from(raw)
        over = HEADER.pack(int(time.time() * 1000) - 1, *rest) + raw[HEADER.size :]
        await twins.redis.set(name, over, keepttl=True)


async def _values(twins: Twins, album: str) -> list[bytes]:
    """What Redis has of the album and of who is in it."""
    return await twins.redis.keys(f"*v:*{album}*")  # type: ignore[return-value]  # nor here
