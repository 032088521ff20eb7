"""A thousand concurrent reads of one album at two processes: the database itself counts the queries."""

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
from tests.database_pair import DatabaseServer
from tests.reads.app_pair import AppPair, User, until_true

READERS = 500
"""The number of readers at each process."""
REPEATS = 8
"""The maximum number of rounds. A process that waits 250 ms for another process's load loads by itself, by design,
and one that waits 50 ms for Redis stops waiting: on a busy machine both happen. So one round must show what is
promised. Without leases every round would show two queries, see `_held_up`.
"""


@dataclass(frozen=True, slots=True)
class Queries:
    """The responses of a round, and the database queries that they cost."""

    statuses: Counter[int]
    together: bool
    """Both processes had sent their lease request to Redis before the database replied to either."""
    albums: tuple[int, int]
    """Queries at the writer and at the reader."""
    memberships: tuple[int, int]

    @property
    def all_concurrent(self) -> bool:
        return self.together and self.statuses == {200: 2 * READERS}


Round = Callable[[], Awaitable[Queries]]


async def test_a_thousand_reads_of_a_new_album_cost_one_query_at_the_writer(pair: AppPair) -> None:
    user = await pair.user()
    await pair.warm(user, "/account")

    async def send() -> Queries:
        return await _send_concurrently(pair, user, await user.album(), pair.pair.writer)

    await _one_round_shows(send, lambda queries: queries.albums == queries.memberships == (1, 0))


async def test_a_thousand_reads_of_an_album_evicted_from_redis_cost_one_query_at_the_reader(
    pair: AppPair,
) -> None:
    send = await _requesting_again(pair, _evict)

    await _one_round_shows(send, lambda queries: queries.albums == queries.memberships == (0, 1))


async def test_a_thousand_reads_of_an_expired_album_cost_no_more_than_two_queries(pair: AppPair) -> None:
    send = await _requesting_again(pair, _let_expire)

    await _one_round_shows(send, lambda queries: {queries.albums, queries.memberships} <= {(0, 1), (0, 2)})


async def _requesting_again(pair: AppPair, invalidate: Callable[[AppPair, str], Awaitable[None]]) -> Round:
    """Return a round on an album that all had cached, until `invalidate` removes its values from Redis."""
    user = await pair.user()
    album = await user.album()
    await _until_evicted_ones_come_from_the_reader(pair, user, album)

    async def send() -> Queries:
        await pair.warm(user, f"/albums/{album}")
        await invalidate(pair, album)
        return await _send_concurrently(pair, user, album, pair.pair.reader)

    return send


async def _one_round_shows(send: Round, promised: Callable[[Queries], bool]) -> None:
    attempts: list[Queries] = []
    while not attempts or not (attempts[-1].all_concurrent and promised(attempts[-1])):
        assert len(attempts) < REPEATS, attempts
        attempts.append(await send())


async def _send_concurrently(pair: AppPair, user: User, album: str, server: DatabaseServer) -> Queries:
    """Open all connections before the first request is sent; no request gets a response before all are sent."""
    await pair.log.delete()
    connections = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", app.port) for app in pair.apps for _ in range(READERS))
    )
    head = f"Host: app\r\nAuthorization: Bearer {user.token}\r\nConnection: close\r\n"
    async with _held_up(pair, album, server) as together:
        for _, writer in connections:
            writer.write(f"GET /v1/albums/{album} HTTP/1.1\r\n{head}\r\n".encode())
    responses = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        writer.close()
    return Queries(
        Counter(int(response.split(maxsplit=2)[1]) for response in responses),
        together.is_set(),
        await pair.log.selects("albums", part=album),
        await pair.log.selects("album_members", part=album),
    )


@asynccontextmanager
async def _held_up(pair: AppPair, album: str, server: DatabaseServer) -> AsyncIterator[asyncio.Event]:
    """Block reads of albums at this server until both processes have requested the lease for this album from Redis.

    So a process that loads while the other one already does cannot come too late to be counted.
    """
    together = asyncio.Event()
    locking = await asyncmy.connect(host="127.0.0.1", port=server.port, user="root", db=pair.database)
    async with pair.redis.monitor() as monitor, locking.cursor() as cursor:
        await cursor.execute("LOCK TABLES albums WRITE")
        try:
            yield together
            with suppress(TimeoutError):  # by then one process loads alone
                async with asyncio.timeout(TIMING.held):
                    await _both_queried(pair, album, monitor)
                    together.set()
        finally:
            await cursor.execute("UNLOCK TABLES")
    locking.close()


async def _both_queried(pair: AppPair, album: str, monitor: Monitor) -> None:
    client_ports: set[str] = set()
    while len(client_ports) < len(pair.apps):
        command = await monitor.next_command()
        if re.search(f"^EVALSHA .*l:album:.*{album}", command["command"]):
            client_ports.add(command["client_port"])


async def _until_evicted_ones_come_from_the_reader(pair: AppPair, user: User, last_value: str) -> None:
    """Wait until the reader serves evicted values.

    For ten seconds after the album was created and after this Redis was new, the writer is queried.
    """

    async def queries_the_reader() -> bool:
        await _evict(pair, last_value)
        await pair.log.delete()
        (await user.clients[0].get(f"/albums/{last_value}")).raise_for_status()
        return await pair.log.selects("albums", part=last_value) == (0, 1)

    await until_true(queries_the_reader)


async def _evict(pair: AppPair, album: str) -> None:
    if names := await _values(pair, album):
        await pair.redis.delete(*names)


async def _let_expire(pair: AppPair, album: str) -> None:
    """Make the values expire by changing the time in each value's header."""
    for name in await _values(pair, album):
        raw: bytes = await pair.redis.get(name)  # type: ignore[assignment]  # it does not decode
        _, *rest = HEADER.unpack_from(raw)
        over = HEADER.pack(int(time.time() * 1000) - 1, *rest) + raw[HEADER.size :]
        await pair.redis.set(name, over, keepttl=True)


async def _values(pair: AppPair, album: str) -> list[bytes]:
    """Return the keys of the album and its memberships in Redis."""
    return await pair.redis.keys(f"*v:*{album}*")  # type: ignore[return-value]  # nor here
