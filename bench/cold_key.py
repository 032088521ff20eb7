"""Count database queries for 1,000 concurrent readers of a cold key over two processes, compared with two other
caches.

Without arguments it starts Valkey and, for each cache, two copies of itself; each reads the key 500 times
concurrently. A load takes 150 ms. The other caches use their best protection of the key: cashews `lock=True`,
aiocache a lease.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.migrations.run import migrate
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Entry
from bench.scale import scaled
from darkroom_shared.ids import new_ulid
from tests.servers import running_valkey

FIGURES = ("cold_key_queries",)

PROCESSES, READERS, REPEATS = 2, scaled(500, minimum=2), 5
LOAD_SECONDS = 0.15
LIFETIME_SECONDS = 60
READY, START = "ready", "go"

Read = Callable[[], Awaitable[str]]
Load = Callable[[], Awaitable[str]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-cold-key-") as name, running_valkey(Path(name)) as redis_url:
        database_url = f"sqlite+aiosqlite:///{Path(name) / 'darkroom.db'}"
        asyncio.run(migrate(database_url))
        queries = {}
        for library in LIBRARIES:
            repeats = [_race(library, redis_url, database_url) for _ in range(REPEATS)]
            queries[library] = max(repeats)
            print(f"{library}: {', '.join(map(str, repeats))} queries, {median(repeats):g} in the middle", flush=True)
    print(f"figure cold_key_queries {queries['darkroom']}")


def _race(library: str, redis_url: str, database_url: str) -> int:
    """Return the number of database queries of both processes together."""
    command = [sys.executable, "-m", "bench.cold_key", library, redis_url, database_url, new_ulid()]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(PROCESSES)]  # noqa: S603 - ourselves
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline().strip() != READY:
            raise SystemExit(f"{library} could not begin")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{START}\n")
        process.stdin.flush()
    return sum(int(process.communicate()[0]) for process in processes)


async def _read_concurrently(library: str, redis_url: str, database_url: str, name: str) -> None:
    """Run one of the processes: print READY, wait for START, print its number of database queries."""
    database, queries = Database(database_url), 0

    async def load() -> str:
        nonlocal queries
        queries += 1
        async with database.writer.read() as connection:
            value = str((await connection.execute(text("SELECT 'the value'"))).scalar_one())
        await asyncio.sleep(LOAD_SECONDS)
        return value

    async with LIBRARIES[library](redis_url, database, name, load) as read:
        print(READY, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        values = await asyncio.gather(*(read() for _ in range(READERS)))
        assert set(values) == {"the value"}
    await database.close()
    print(queries)


@asynccontextmanager
async def _darkroom(redis_url: str, database: Database, name: str, load: Load) -> AsyncIterator[Read]:
    key = Entry("cold", 1, LIFETIME_SECONDS).of_type(TypeAdapter(str)).key(name)

    async def load_with(_connection: AsyncConnection) -> str:
        return await load()

    async with Cache(database, redis_url) as cache:
        while cache.relay.permitted() is None:  # noqa: ASYNC110 - at the start only
            await asyncio.sleep(0.01)
        yield lambda: cache.get(key, load_with)


@asynccontextmanager
async def _cashews(redis_url: str, _database: Database, name: str, load: Load) -> AsyncIterator[Read]:
    try:
        from cashews import Cache as Cashews
    except ImportError:
        raise _missing("cashews") from None
    cache = Cashews()
    cache.setup(redis_url, max_connections=2 * READERS, suppress=False)
    yield cache(ttl=LIFETIME_SECONDS, key=name, lock=True)(load)
    await cache.close()


@asynccontextmanager
async def _aiocache(redis_url: str, _database: Database, name: str, load: Load) -> AsyncIterator[Read]:
    try:
        import aiocache
    except ImportError:
        raise _missing("aiocache") from None
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    protected = aiocache.cached_stampede(
        lease=2, ttl=LIFETIME_SECONDS, key=name, cache=aiocache.Cache.REDIS, port=port, pool_max_size=2 * READERS
    )(load)
    yield protected
    await protected.cache.close()


def _missing(package: str) -> SystemExit:
    return SystemExit(f"{package} is needed for the comparison: add it to requirements/test.in, then run `make lock`")


LIBRARIES = {"darkroom": _darkroom, "cashews": _cashews, "aiocache": _aiocache}

if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(_read_concurrently(*sys.argv[1:]))
    else:
        main()
