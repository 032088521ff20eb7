"""The loops that update projections from the logs: at once on a nudge, and periodically where one is behind."""

import asyncio
import random
from datetime import timedelta

import structlog
from pydantic import TypeAdapter, ValidationError

from app.events.service.projection import ProjectionUpdater
from app.jobs.isolation import capture, isolate
from app.jobs.loop import run_periodically
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Message, Queues
from app.worker.consumer import Consumer
from darkroom_shared.ids import AccountId, AccountIdField
from darkroom_shared.task_group import TaskGroup

log = structlog.get_logger()

POLL_SECONDS = 60.0
"""Maximum delay of a projection after a lost nudge."""
SLOTS = 4
"""Concurrent accounts of this process: as many by nudges as by the periodic run."""
HIDDEN = timedelta(seconds=30)
"""How long a nudge is hidden from other workers; processing one twice does no harm."""
PAGE_ACCOUNTS = 100
_ACCOUNT_ID: TypeAdapter[AccountId] = TypeAdapter(AccountIdField)


class ProjectionLoops:
    """Updates the projections when nudged, and periodically in case a nudge did not arrive."""

    def __init__(self, updater: ProjectionUpdater, queues: Queues) -> None:
        self._updater, self._queues = updater, queues

    def consumer(self) -> Consumer:
        """Return the nudges' consumer. Its work can be cancelled at once: each step is one transaction."""
        return Consumer(
            queues=self._queues,
            queue=NUDGES_QUEUE,
            slots=SLOTS,
            lease=HIDDEN,
            handle=self.handle,
            can_finish=lambda _message, _seconds: False,
        )

    async def handle(self, message: Message) -> bool:
        """Process one nudge; one without an account id is deleted. Returns False if it must be delivered again."""
        try:
            account = _ACCOUNT_ID.validate_python(message.body.get("account_id"))
        except ValidationError:
            log.warning("nudge.unreadable")
        else:
            if not await isolate(self._updater.apply_events(account), "projection", account=account):
                return False
        await self._queues.delete(NUDGES_QUEUE, message.receipt_handle)
        return True

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically(
            "projections", POLL_SECONDS, stopping, self.process, shards=len(self._updater.projections)
        )

    async def process(self, number: int) -> None:
        """Update one projection for all accounts where it is behind, and enrol accounts that it does not have yet."""
        projection = self._updater.projections[number]
        enrolled = await capture(self._updater.enrol_new_accounts(projection))
        semaphore, last = asyncio.Semaphore(SLOTS), ""

        async def process_account(account: AccountId) -> None:
            async with semaphore:
                await isolate(self._updater.catch_up(projection, account), "projection", account=account)

        while accounts := await self._updater.accounts_behind(projection, last, PAGE_ACCOUNTS):
            last = accounts[-1]
            async with TaskGroup() as tasks:
                for account in random.sample(accounts, len(accounts)):  # spreads workers over different accounts
                    tasks.create_task(process_account(account))
        if isinstance(enrolled, Exception):
            raise enrolled
