"""Measure reads over HTTP while Redis is down: failures, and duration compared with reads without caching.

Three whole services run over SQLite. The Redis of the second one is behind a proxy that first refuses, then swallows
everything; the others have Redis but caching is off. One of them is started before the second and one after it,
because of two equal services the one started first responds some hundredths later. The read is `GET /v1/account`:
authentication and the account's data.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import fmean, median

import httpx

from bench.scale import scaled
from bench.service import EMAIL, PASSWORD, running_service
from darkroom_shared.task_group import TaskGroup
from tests.fault_proxy import FaultProxy
from tests.servers import running_valkey

FIGURES = ("redis_down_failed", "redis_down_ratio")

RATE, SECONDS = 100, scaled(30)
RUNS, READS = 5, scaled(400)
LIMIT_SECONDS = 10.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-redis-down-") as name:
        asyncio.run(_measure(Path(name)))


async def _measure(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        for name in ("valkey", "before", "cached", "after"):
            await asyncio.to_thread((folder / name).mkdir)
        redis_url = stack.enter_context(running_valkey(folder / "valkey"))
        proxy = await stack.enter_async_context(FaultProxy(int(redis_url.rpartition(":")[2].partition("/")[0])))
        before = await _client(stack, folder / "before", "off", redis_url)
        cached = await _client(stack, folder / "cached", "on", f"redis://127.0.0.1:{proxy.port}/0")
        uncached = (before, await _client(stack, folder / "after", "off", redis_url))
        await proxy.down()
        failed = await _steadily(cached)
        ratios = [await _compare(cached, uncached) for _ in range(RUNS)]
        await proxy.up()
        proxy.timeout()
        failed_black_holed = await _steadily(cached)
        ratios_black_holed = [await _compare(cached, uncached) for _ in range(RUNS)]
        proxy.heal()
    print(f"failed: {failed} refused, {failed_black_holed} black-holed, of {RATE * SECONDS} each")
    for name, each in (("refused", ratios), ("black-holed", ratios_black_holed)):
        print(f"{name}: {', '.join(f'{ratio:.3f}' for ratio in each)} of the time with caching off")
    print(f"figure redis_down_failed {failed + failed_black_holed}")
    print(f"figure redis_down_ratio {max(median(ratios), median(ratios_black_holed)):.3f}")


async def _client(stack: AsyncExitStack, folder: Path, caching: str, redis_url: str) -> httpx.AsyncClient:
    """Return a signed-in client of a service of its own; it never retries."""
    settings = {"DARKROOM_CACHE": caching, "DARKROOM_REDIS_URL": redis_url}
    # In a thread, so that the proxy keeps working while the service starts.
    service = running_service(folder, **settings)
    url = await asyncio.to_thread(service.__enter__)
    stack.push_async_callback(asyncio.to_thread, service.__exit__, None, None, None)
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"{url}/v1", timeout=LIMIT_SECONDS))
    person = {"email": EMAIL, "password": PASSWORD}
    (await client.post("/accounts", json=person)).raise_for_status()
    token = (await client.post("/sessions", json=person)).raise_for_status().json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


async def _steadily(client: httpx.AsyncClient) -> int:
    """Read at a constant rate; return the number of failed reads."""
    async with TaskGroup() as tasks:
        reads = []
        began = time.monotonic()
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            reads.append(tasks.create_task(_succeeds(client)))
    return sum(not read.result() for read in reads)


async def _succeeds(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/account")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _compare(cached: httpx.AsyncClient, uncached: Sequence[httpx.AsyncClient]) -> float:
    """Return the median of the first client's reads / the mean of the others' medians; they take turns."""
    taken: dict[httpx.AsyncClient, list[float]] = {client: [] for client in (cached, *uncached)}
    for _ in range(READS):
        for client, seconds in taken.items():
            began = time.perf_counter()
            (await client.get("/account")).raise_for_status()
            seconds.append(time.perf_counter() - began)
    return median(taken[cached]) / fmean(median(taken[client]) for client in uncached)


if __name__ == "__main__":
    main()
