"""The operators' overview: queue depths, waits and overdue work, collected from each service."""

from datetime import timedelta

from app.admin.workers import read_workers, warnings_about
from app.aws_error_notices import read_aws_errors
from app.events.service.outbox_publisher import OutboxRelay
from app.events.service.relay import RelayService
from app.items.service.backlog import BacklogService
from app.stores.presence_registry import PresenceRegistry
from app.stores.resources import BULK_QUEUE, DEAD_LETTERS_QUEUE, EXPORTS_QUEUE, EXPRESS_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.admin import Lane, Overview
from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup, unwrapped
from darkroom_shared.times import Clock

LATE = timedelta(seconds=60)
LANES = {"express": EXPRESS_QUEUE, "bulk": BULK_QUEUE, "exports": EXPORTS_QUEUE, "dead_letters": DEAD_LETTERS_QUEUE}


class OverviewService:
    """The state of the whole installation for its administrators."""

    def __init__(
        self,
        *,
        backlog: BacklogService,
        relay: RelayService,
        outbox: OutboxRelay,
        queues: Queues,
        registry: PresenceRegistry,
        clock: Clock,
    ) -> None:
        self._backlog, self._relay, self._outbox, self._queues = backlog, relay, outbox, queues
        self._registry, self._clock = registry, clock

    async def read(self) -> Overview:
        """Read all figures concurrently. A lane whose queue fails is left out, with a warning.

        Raises Unavailable if DynamoDB or the database is.
        """
        since = self._clock() - LATE
        with unwrapped(Problem):
            async with TaskGroup() as tasks:
                reads = {name: tasks.create_task(self._lane(queue)) for name, queue in LANES.items()}
                backlog = tasks.create_task(self._backlog.measure(since))
                unrelayed = tasks.create_task(self._relay.late(since))
                unpublished = tasks.create_task(self._outbox.late(since))
                workers = tasks.create_task(read_workers(self._registry))
                aws_errors = tasks.create_task(read_aws_errors(self._registry))
        lanes = {name: read.result() for name, read in reads.items()}
        unread = [f"The queue of the lane {name} cannot be read." for name, lane in lanes.items() if lane is None]
        return Overview(
            at=self._clock(),
            lanes={name: lane for name, lane in lanes.items() if lane is not None},
            oldest_wait_seconds=backlog.result().oldest_wait_seconds,
            items_past_deadline=backlog.result().past_deadline,
            events_not_relayed=unrelayed.result() + unpublished.result(),
            workers=workers.result(),
            aws_errors=aws_errors.result(),
            warnings=[*unread, *warnings_about(workers.result())],
        )

    async def _lane(self, queue: str) -> Lane | None:
        """Return None if the queue is absent or SQS fails: the overview then shows that error."""
        try:
            return Lane(**await self._queues.depth(queue))
        except Problem:
            return None
