"""The two loops that look for work by themselves: the sweeper and the relay."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from app.events.relay import RelayService
from app.items.upkeep import UpkeepService
from app.stores.resources import SHARDS
from app.stores.sqs import Queues
from app.worker.attempt import bury
from shared.problems import Problem

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
RELAY_SECONDS = 1.0
LAPSED = {"reason": "the worker died or lost its claim; nothing is known of the decoder"}


async def go_round(name: str, seconds: float, stopping: asyncio.Event, visit: Callable[[int], Awaitable[None]]) -> None:
    """Visits every shard, waits, and begins again until `stopping`; a shard that fails is visited again next time."""
    while not stopping.is_set():
        for shard in random.sample(range(SHARDS), SHARDS):
            try:
                await visit(shard)
            except Problem as problem:
                log.warning("round.interrupted", name=name, shard=shard, reason=str(problem))
        try:
            async with asyncio.timeout(random.uniform(0.5, 1.0) * seconds):  # noqa: S311  jitter
                await stopping.wait()
        except TimeoutError:
            continue


class Sweeper:
    def __init__(self, upkeep: UpkeepService, queues: Queues) -> None:
        self._upkeep, self._queues = upkeep, queues

    async def run(self, stopping: asyncio.Event) -> None:
        await go_round("sweeper", SWEEP_SECONDS, stopping, self.visit)

    async def visit(self, shard: int) -> None:
        for account, item in await self._upkeep.due(shard):
            poisoned = await self._upkeep.attend(account, item)
            if poisoned is not None:
                await bury(self._queues, poisoned, LAPSED)


class Relay:
    def __init__(self, relay: RelayService) -> None:
        self._relay = relay

    async def run(self, stopping: asyncio.Event) -> None:
        await go_round("relay", RELAY_SECONDS, stopping, self.visit)

    async def visit(self, shard: int) -> None:
        for account in await self._relay.behind(shard):
            await self._relay.relay(account)
