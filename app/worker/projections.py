"""The loops that keep followers up with the logs: on a nudge at once, and on a round wherever one is behind."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import structlog
from pydantic import TypeAdapter, ValidationError

from app.events.cursors import CursorStore
from app.events.log import EventLog
from app.events.projection import Projection, ProjectionUpdater
from app.jobs.isolation import isolate
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message, Queues
from app.worker.consumer import Consumer
from app.worker.scheduler import run_periodically
from shared.ids import AccountId, AccountIdField
from shared.task_group import TaskGroup

log = structlog.get_logger()

ROUND_SECONDS = 60.0
"""How late a follower is at most whose nudge was lost."""
SLOTS = 4
"""Accounts in work at once in this process, by nudges and as many by rounds."""
HIDDEN = timedelta(seconds=30)
"""How long no other worker sees a nudge; doubled, it changes nothing."""
PAGE_ACCOUNTS = 100
_ACCOUNT_ID: TypeAdapter[AccountId] = TypeAdapter(AccountIdField)


class ProjectionLoops:
    def __init__(
        self, event_log: EventLog, cursors: CursorStore, queues: Queues, projections: Sequence[Projection]
    ) -> None:
        self._updater = ProjectionUpdater(event_log, cursors, projections)
        self._cursors, self._queues = cursors, queues

    def consumer(self) -> Consumer:
        """What it is doing when the worker stops is dropped at once: a step is in one transaction, or it is not."""
        return Consumer(self._queues, NUDGES_QUEUE, SLOTS, HIDDEN, self.handle, lambda _message, _seconds: False)

    async def handle(self, message: Message) -> None:
        """One nudge. After a failure it comes again; what is no account's is thrown away."""
        try:
            account = _ACCOUNT_ID.validate_python(message.body.get("account_id"))
        except ValidationError:
            log.warning("nudge.unreadable")
        else:
            if not await isolate(self._updater.apply_events(account), "follower", account=account):
                return
        await self._queues.delete(NUDGES_QUEUE, message.receipt_handle)

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically(
            "followers", ROUND_SECONDS, stopping, self.process, shards=len(self._updater.projections)
        )

    async def process(self, number: int) -> None:
        """Everything where one follower is behind, and whoever it does not know yet."""
        projection = self._updater.projections[number]
        await self._updater.enrol_new_accounts(projection)
        semaphore, last = asyncio.Semaphore(SLOTS), ""

        async def process_account(account: AccountId) -> None:
            async with semaphore:
                await isolate(self._updater.catch_up(projection, account), "follower", account=account)

        while accounts := await self._cursors.behind(projection.name, last, PAGE_ACCOUNTS):
            last = accounts[-1]
            async with TaskGroup() as tasks:
                for account in random.sample(accounts, len(accounts)):  # several workers at once begin elsewhere
                    tasks.create_task(process_account(account))
