"""The loops that find work by polling: the sweeper and the relay."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from app.events.service.relay import RelayService
from app.items.maintenance.service.maintenance import ItemKey, MaintenanceService
from app.items.service.queueing import QUEUES
from app.jobs.due_jobs import process_due
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically, running
from app.stores.resources import SHARDS
from app.stores.sqs import Queues
from app.worker.crash_report import dead_letter
from darkroom_shared.ids import AccountId
from darkroom_shared.task_group import TaskGroup

SWEEP_SECONDS = 5.0
RELAY_SECONDS = 5.0
HINTS_SECONDS = 60.0
"""Period of the loop that takes hints; a hint wakes it at once."""
CONCURRENT_ACCOUNTS = 8
"""Accounts that are announced or published at the same time."""
ITEM_SECONDS = 15.0
"""Limit of what is due of one item: a few calls of DynamoDB and SQS, each repeated by its client."""
DELETION_SECONDS = 60.0
"""Limit of deleting one item's files. One call of S3 that does not respond takes 30 s."""
GATHER_SECONDS = 0.5
"""Appends of one account within this time are relayed together."""
LAPSED = {"reason": "the worker crashed or lost its claim; nothing is known of the decoder"}


class Sweeper:
    """Runs the items' maintenance in all shards. Files are deleted in a loop of their own, so that deadlines and lapsed
    claims do not wait for S3."""

    def __init__(self, maintenance: MaintenanceService, queues: Queues) -> None:
        self._maintenance, self._queues = maintenance, queues

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep until stopping. At the start, send again the messages that a restarted local queue has lost."""
        deleting = run_periodically("deletions", SWEEP_SECONDS, stopping, self.delete_files, shards=SHARDS)
        async with running(self._resend_missing()), running(deleting):
            await run_periodically("sweeper", SWEEP_SECONDS, stopping, self.process, shards=SHARDS)

    async def _resend_missing(self) -> None:
        """Run once. Items that fail here are sent later by the periodic sweep."""

        async def resend() -> None:
            created_at = {lane: await self._queues.created_at(queue) for lane, queue in QUEUES.items()}
            for shard in range(SHARDS):
                await self._maintenance.resend_missing(shard, created_at)

        await isolate(resend(), "resend")

    async def process(self, shard: int) -> None:
        """Do what the shard's items need of the table and the queue only."""
        await self._process("sweeper", self._maintenance.due(shard), ITEM_SECONDS)

    async def delete_files(self, shard: int) -> None:
        """Purge the shard's items that are due, and delete orphaned files."""
        await self._process("deletions", self._maintenance.due_deletions(shard), DELETION_SECONDS)

    async def _process(self, loop: str, pages: AsyncIterator[list[ItemKey]], limit_seconds: float) -> None:
        async def process_one(key: ItemKey) -> None:
            poisoned = await self._maintenance.process(*key)
            if poisoned is not None:
                await dead_letter(self._queues, poisoned, LAPSED)

        await process_due(loop, pages, process_one, limit_seconds=limit_seconds, names=_names)


def _names(key: ItemKey) -> dict[str, str]:
    account, item = key
    return {"account": account, "item": item}


class Hints:
    """Accounts whose logs this process has just extended, so that the relay need not wait for its next poll."""

    def __init__(self) -> None:
        self._accounts: set[AccountId] = set()
        self.wakeup = asyncio.Event()

    def add(self, account: AccountId) -> None:
        """Name an account and wake the relay. Cheap and idempotent."""
        self._accounts.add(account)
        self.wakeup.set()

    def take(self) -> set[AccountId]:
        """Return the named accounts and clear them."""
        taken, self._accounts = self._accounts, set()
        return taken


class Relay:
    """Announces hinted accounts at once, and all others periodically; a loop of its own publishes what is announced.

    So no projection waits for SNS.
    """

    def __init__(self, relay: RelayService, hints: Hints) -> None:
        self._relay, self._hints, self.announced = relay, hints, Hints()

    async def run(self, stopping: asyncio.Event) -> None:
        hinted = run_periodically(
            "relay_hints", HINTS_SECONDS, stopping, self._process_hints, wakeup=self._hints.wakeup
        )
        publishing = run_periodically(
            "relay_publisher", HINTS_SECONDS, stopping, self.publish, wakeup=self.announced.wakeup
        )
        async with running(hinted), running(publishing):
            await run_periodically("relay", RELAY_SECONDS, stopping, self.process, shards=SHARDS)

    async def process(self, shard: int) -> None:
        """Announce all of the shard's accounts that are behind."""
        async for accounts in self._relay.behind(shard):
            await _for_each(accounts, self._announce)

    async def publish(self, _shard: int = 0) -> None:
        """Publish one batch of each announced account. The next poll announces again what is left or fails."""
        await _for_each(self.announced.take(), self._publish)

    async def _process_hints(self, _shard: int) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        await _for_each(self._hints.take(), self._announce)

    async def _announce(self, account: AccountId) -> None:
        if await isolate(self._relay.announce(account), "relay", account=account):
            self.announced.add(account)

    async def _publish(self, account: AccountId) -> None:
        await isolate(self._relay.relay(account), "relay_publisher", account=account)


async def _for_each(accounts: Collection[AccountId], process: Callable[[AccountId], Awaitable[None]]) -> None:
    """Process the accounts, CONCURRENT_ACCOUNTS at a time."""
    remaining = iter(accounts)

    async def work() -> None:
        for account in remaining:
            await process(account)

    async with TaskGroup() as tasks:
        for _ in range(min(CONCURRENT_ACCOUNTS, len(accounts))):
            tasks.create_task(work())
