"""Measure the added latency of a change while Redis is unreachable: refused, and black-holed.

Two caches, as of two processes, share one SQLite; the figure is the median of a change of one of them, with Redis and
without.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from app.migrations.run import migrate
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Entry
from tests.fault_proxy import FaultProxy
from tests.servers import running_valkey

FIGURES = ("write_redis_down_ms",)

CHANGES = 5
KEY = Entry("value", 1, 300).of_type(TypeAdapter(int)).key("one")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-write-") as name, running_valkey(Path(name)) as redis_url:
        port = int(redis_url.rpartition(":")[2].partition("/")[0])
        asyncio.run(_measure(port, f"sqlite+aiosqlite:///{Path(name) / 'darkroom.db'}"))


async def _measure(port: int, database_url: str) -> None:
    await migrate(database_url)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultProxy(port))
        caches = []
        for _ in range(2):
            database = Database(database_url)
            stack.push_async_callback(database.close)
            caches.append(await stack.enter_async_context(Cache(database, f"redis://127.0.0.1:{proxy.port}/0")))
        for cache in caches:
            while cache.relay.permitted() is None:  # noqa: ASYNC110 - at the start only
                await asyncio.sleep(0.01)
        with_redis = await _change(caches[0])
        await proxy.down()
        refused = await _change(caches[0])
        await proxy.up()
        proxy.timeout()
        black_holed = await _change(caches[0])
    print(f"a change: {with_redis:.1f} ms, refused {refused:.1f} ms, black-holed {black_holed:.1f} ms")
    print(f"figure write_redis_down_ms {max(refused, black_holed) - with_redis:.0f}")


async def _change(cache: Cache) -> float:
    """Return the median in ms."""
    taken = []
    for _ in range(CHANGES):
        began = time.perf_counter()
        async with cache.change(KEY):
            pass
        taken.append((time.perf_counter() - began) * 1e3)
    return median(taken)


if __name__ == "__main__":
    main()
