"""Compare a hit through our cache with a bare GET of redis-py, by CPU seconds of the Python process.

32 concurrent callers read a session as it is cached. Each round measures both, one after the other.
"""

import asyncio
import resource
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop
from pydantic import TypeAdapter
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from app.migrations.run import migrate
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Entry, Key
from bench.scale import scaled
from tests.servers import running_valkey

FIGURES = ("hit_vs_get",)

CALLERS, KEYS = 32, 64
HITS, GETS = scaled(40_000), scaled(10_000)
REPEATS = 7


@dataclass(frozen=True, slots=True)
class Session:
    """About as large as the cached data of a session."""

    id: str
    account_id: str
    administrator: bool
    expires_at: str


SESSION = Entry("session", 1, 300).of_type(TypeAdapter(Session | None))
VALUE = Session(f"ses_{'x' * 26}", f"acc_{'y' * 26}", False, "2026-11-27T06:35:44.000Z")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-cache-hit-") as name, running_valkey(Path(name)) as redis_url:
        uvloop.run(_measure(redis_url, f"sqlite+aiosqlite:///{Path(name) / 'darkroom.db'}"))


async def _measure(redis_url: str, database_url: str) -> None:
    await migrate(database_url)
    database, keys = Database(database_url), [SESSION.key(str(number)) for number in range(KEYS)]
    async with Cache(database, redis_url) as cache, Redis.from_url(redis_url, max_connections=CALLERS) as redis:
        while cache.relay.permitted() is None:  # noqa: ASYNC110 - at the start only
            await asyncio.sleep(0.01)
        names = [await _store(cache, redis, key) for key in keys]

        async def hit(number: int) -> None:
            assert await cache.get(keys[number % KEYS], _load) is not None

        async def get(number: int) -> None:
            assert await redis.get(names[number % KEYS]) is not None

        ratios = []
        for _ in range(REPEATS):
            of_get, of_hit = await _cpu_seconds(get, GETS), await _cpu_seconds(hit, HITS)
            ratios.append(of_get / of_hit)
            print(f"a hit costs {of_hit * 1e6:.1f} us, a GET {of_get * 1e6:.1f} us")
    await database.close()
    print(f"figure hit_vs_get {median(ratios):.2f}")


async def _store(cache: Cache, redis: Redis, key: Key[Session | None]) -> bytes | str:
    """Return the Redis key under which the cache stored this entry."""
    await cache.get(key, _load)
    (name,) = await redis.keys(f"*v:{key.name}")
    return name


async def _load(_connection: AsyncConnection) -> Session | None:
    return VALUE


async def _cpu_seconds(call: Callable[[int], Awaitable[None]], calls: int) -> float:
    """Return the CPU seconds of one call, user and system, with CALLERS concurrent callers."""

    async def caller() -> None:
        for number in range(calls // CALLERS):
            await call(number)

    began = _used()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (_used() - began) / calls


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
