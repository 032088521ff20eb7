"""The loop that carries what relational changes must tell into the members' logs."""

import asyncio
import random

from app.events.telling import AT_ONCE, OutboxRelay
from app.jobs.isolation import isolate
from app.worker.rounds import go_round
from shared.ids import AccountId
from shared.task_group import TaskGroup

TELL_SECONDS = 1.0
"""How late an event comes at most whose own process did not tell it: it died, or was too busy."""


class Teller:
    def __init__(self, relay: OutboxRelay) -> None:
        self._relay = relay

    async def run(self, stopping: asyncio.Event) -> None:
        await go_round("outbox", TELL_SECONDS, stopping, self.visit, shards=1)

    async def visit(self, _shard: int = 0) -> None:
        """One account's trouble keeps no other waiting."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def tell(account: AccountId) -> None:
            async with gate:
                await isolate(self._relay.tell(account), "outbox", account=account)

        waiting = await self._relay.waiting()
        async with TaskGroup() as tasks:
            for account in random.sample(waiting, len(waiting)):  # several workers come less often to the same one
                tasks.create_task(tell(account))
