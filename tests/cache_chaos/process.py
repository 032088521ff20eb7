"""One process of the run: it reads, writes, and compares each read with the version acknowledged before it began."""

import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import structlog
import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Database, Readers
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Key
from darkroom_shared.problems import Unavailable
from darkroom_shared.task_group import TaskGroup
from tests.cache_chaos.ablations import ABLATIONS, Ablation
from tests.cache_chaos.database import LaggingReaders, read_version, write_version
from tests.cache_chaos.plan import (
    CALM_FACTOR,
    CALM_TIMING,
    KEYS,
    LAG_SECONDS,
    PROCESSES,
    TIMING,
    ChaosPlan,
    Orders,
    key_of,
)

EAGER, RELAXED, WRITERS = 12, 24, 4
PAUSE_SECONDS, LONG_PAUSE_SECONDS = 0.004, 0.2
"""The maximum pauses between two reads. While replies are slow, all eager readers wait, so only relaxed ones start
new reads.
"""
WRITE_PAUSE_SECONDS = 0.06
SLOW_LOADS = 0.3
MAX_LOAD_SECONDS = 0.12
MANY = 0.1
"""The share of reads that request several keys."""


class Run:
    def __init__(self, orders: Orders, cache: Cache, plan: ChaosPlan) -> None:
        self._process, self._cache, self._plan = orders.process, cache, plan
        self._chance = random.Random(orders.seed)

    async def read_on(self, max_pause_seconds: float) -> None:
        while True:
            if self._chance.random() < MANY:
                await self._read(self._chance.sample(range(KEYS), 4))
            else:
                await self._read([min(int(self._chance.expovariate(0.2)), KEYS - 1)])
            # Without a permit a read only loads from the writer. On a busy machine such reads would use up the CPU time
            # that the relay needs to get the next permit, and the run would test nothing.
            permitted = self._cache.relay.permitted() is not None
            await asyncio.sleep(self._chance.uniform(0, max_pause_seconds if permitted else LONG_PAUSE_SECONDS))

    async def write_on(self) -> None:
        mine = range(self._process, KEYS, PROCESSES)
        while True:
            if not self._plan.quiet:
                await self._write(self._chance.choice(mine))
            await asyncio.sleep(self._chance.uniform(0, WRITE_PAUSE_SECONDS))

    async def _read(self, keys: list[int]) -> None:
        least = [self._plan.acknowledged(key) for key in keys]
        try:
            if len(keys) == 1:
                read = [await self._cache.get(key_of(keys[0]), lambda connection: self._load(connection, keys[0]))]
            else:
                values = await self._cache.get_many([key_of(key) for key in keys], self._load_many)
                read = [values[key_of(key)] for key in keys]
        except Unavailable:
            return
        stale = [(key, was, must) for key, was, must in zip(keys, read, least, strict=True) if was < must]
        self._plan.count(self._process, len(keys), len(stale))
        for key, was, must in stale:
            sys.stdout.write(f"stale: process {self._process} read version {was} of {key}, not {must}\n")

    async def _write(self, key: int) -> None:
        try:
            async with self._cache.change(key_of(key)) as unit:
                version = await write_version(unit.connection, key)
        except Unavailable:
            return
        self._plan.acknowledge(self._process, key, version)
        self._plan.count(self._process, 1, 0)

    async def _load(self, connection: AsyncConnection, key: int) -> int:
        version = await read_version(connection, key)
        if self._chance.random() < SLOW_LOADS:
            await asyncio.sleep(self._chance.uniform(0, MAX_LOAD_SECONDS))
        return version

    async def _load_many(self, connection: AsyncConnection, keys: Sequence[Key[int]]) -> dict[Key[int], int]:
        return {key: await self._load(connection, int(key.name.rpartition(":")[2])) for key in keys}


async def run(orders: Orders) -> None:
    """Read and write until the process is killed."""
    plan, database = ChaosPlan(Path(orders.plan)), Database(orders.database_url)
    ablation = ABLATIONS[orders.ablation] if orders.ablation else Ablation()
    ablation.take_out()
    timing, lag_seconds = (CALM_TIMING, LAG_SECONDS * CALM_FACTOR) if orders.calm else (TIMING, LAG_SECONDS)
    database.readers = cast("Readers", LaggingReaders(database, plan, random.Random(orders.seed), lag_seconds))
    cache = Cache(database, orders.redis_url, timing=timing, scripts=ablation.scripts)
    async with cache, TaskGroup() as tasks:
        work = Run(orders, cache, plan)
        for pause_seconds, readers in ((PAUSE_SECONDS, EAGER), (LONG_PAUSE_SECONDS, RELAXED)):
            for _ in range(readers):
                tasks.create_task(work.read_on(pause_seconds))
        for _ in range(WRITERS):
            tasks.create_task(work.write_on())


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    uvloop.run(run(Orders.read(sys.argv[1])))
