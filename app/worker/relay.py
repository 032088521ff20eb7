"""The loops that announce and publish the events of accounts' logs."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from app.events.service.relay import RelayService
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically, running
from app.stores.resources import SHARDS
from darkroom_shared.ids import AccountId
from darkroom_shared.task_group import TaskGroup

RELAY_SECONDS = 5.0
HINTS_SECONDS = 60.0
"""Period of the loop that takes hints; a hint wakes it at once."""
CONCURRENT_ACCOUNTS = 8
"""Accounts that are announced or published at the same time."""
GATHER_SECONDS = 0.5
"""Appends of one account within this time are relayed together."""


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
