"""The loop that publishes events of relational changes from the outbox into the members' logs."""

import asyncio
import random

from app.events.service.outbox_publisher import CONCURRENCY, OutboxPublisher
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically
from darkroom_shared.ids import AccountId
from darkroom_shared.task_group import TaskGroup

PUBLISH_SECONDS = 1.0
"""Maximum delay of an event that its own process did not publish, because it crashed or was too busy."""


class OutboxLoop:
    """Publishes outbox rows that their own process did not publish, for example because it crashed."""

    def __init__(self, publisher: OutboxPublisher) -> None:
        self._publisher = publisher

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("outbox", PUBLISH_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Publish for all waiting accounts; a failure of one does not delay the others."""
        semaphore = asyncio.Semaphore(CONCURRENCY)

        async def publish(account: AccountId) -> None:
            async with semaphore:
                await isolate(self._publisher.publish(account), "outbox", account=account)

        waiting = await self._publisher.waiting()
        async with TaskGroup() as tasks:
            for account in random.sample(waiting, len(waiting)):  # spreads workers over different accounts
                tasks.create_task(publish(account))
