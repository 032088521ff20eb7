"""The operators' overview: queue depths, waits and overdue work, collected from each service."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from app.admin.service.workers import read_workers, warnings_about
from app.aws_error_notices import read_aws_errors
from app.events.service.outbox_publisher import OutboxPublisher
from app.events.service.relay import RelayService
from app.items.service.backlog import BacklogService
from app.stores.presence_registry import PresenceRegistry
from app.stores.resources import BULK_QUEUE, DEAD_LETTERS_QUEUE, EXPORTS_QUEUE, EXPRESS_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.admin import Lane, Overview
from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup, unwrapped
from darkroom_shared.times import Clock

T = TypeVar("T")

LATE = timedelta(seconds=60)
LANES = {"express": EXPRESS_QUEUE, "bulk": BULK_QUEUE, "exports": EXPORTS_QUEUE, "dead_letters": DEAD_LETTERS_QUEUE}


class OverviewService:
    """The state of the whole installation for its administrators."""

    def __init__(
        self,
        *,
        backlog: BacklogService,
        relay: RelayService,
        outbox: OutboxPublisher,
        queues: Queues,
        registry: PresenceRegistry,
        clock: Clock,
    ) -> None:
        self._backlog, self._relay, self._outbox, self._queues = backlog, relay, outbox, queues
        self._registry, self._clock = registry, clock

    async def read(self) -> Overview:
        """Read all figures concurrently. What fails to be read is left out, with a warning: the errors of AWS, which
        explain it, are shown also while DynamoDB or SQS is unavailable.
        """
        since = self._clock() - LATE
        async with TaskGroup() as tasks:
            reads = {name: tasks.create_task(_if_available(self._lane(queue))) for name, queue in LANES.items()}
            backlog_read = tasks.create_task(_if_available(self._backlog.measure(since)))
            late_read = tasks.create_task(_if_available(self._late_events(since)))
            workers = tasks.create_task(read_workers(self._registry))
            aws_errors = tasks.create_task(read_aws_errors(self._registry))
        lanes = {name: read.result() for name, read in reads.items()}
        backlog, late_events = backlog_read.result(), late_read.result()
        unread = [f"The queue of the lane {name} cannot be read." for name, lane in lanes.items() if lane is None]
        if backlog is None:
            unread.append("The waiting items cannot be read.")
        if late_events is None:
            unread.append("The late events cannot be read.")
        return Overview(
            at=self._clock(),
            lanes={name: lane for name, lane in lanes.items() if lane is not None},
            oldest_wait_seconds=backlog.oldest_wait_seconds if backlog else None,
            items_past_deadline=backlog.past_deadline if backlog else None,
            events_not_relayed=late_events,
            workers=workers.result(),
            aws_errors=aws_errors.result(),
            warnings=[*unread, *warnings_about(workers.result())],
        )

    async def _lane(self, queue: str) -> Lane:
        return Lane(**await self._queues.depth(queue))

    async def _late_events(self, since: datetime) -> int:
        async with TaskGroup() as tasks:
            unrelayed = tasks.create_task(self._relay.late(since))
            unpublished = tasks.create_task(self._outbox.late(since))
        return unrelayed.result() + unpublished.result()


async def _if_available(read: Awaitable[T]) -> T | None:
    """Return None if the read raises a Problem, alone or from a task group."""
    try:
        with unwrapped(Problem):
            return await read
    except Problem:
        return None
