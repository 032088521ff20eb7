"""Relay of new events to the projections' cursors, SNS and the nudge; the relayed number moves only afterwards."""

from contextlib import suppress
from datetime import datetime, timedelta

from app.events.service.nudging import ProjectionNudges
from app.events.store.log import EventStore, Head
from app.stores.dynamo import Refused, TransactionConflict
from app.stores.resources import COMPLETIONS_TOPIC, SHARDS
from app.stores.sns import Topics
from darkroom_shared.events import COMPLETIONS, Event
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Problem
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

BATCH = 100
LEASE = timedelta(seconds=30)
"""Prevents concurrent relays of one account; after a crash another worker continues."""


class RelayService:
    """Publishes completion events from the logs to the topic, and wakes the projections. At least once, in order."""

    def __init__(self, *, store: EventStore, topics: Topics, projections: ProjectionNudges, clock: Clock) -> None:
        self._store, self._topics, self._projections, self._clock = store, topics, projections, clock

    async def behind(self, shard: int) -> list[AccountId]:
        """Return candidates of one of the 16 shards; their heads decide."""
        return await self._store.behind(f"{shard % SHARDS:02d}", BATCH)

    async def late(self, since: datetime) -> int:
        """Return the number of accounts with events that have waited for the relay since before `since`."""
        async with TaskGroup() as tasks:
            shards = [tasks.create_task(self._store.late(f"{shard:02d}", since)) for shard in range(SHARDS)]
        return sum(shard.result() for shard in shards)

    async def relay(self, account: AccountId) -> int:
        """Return the number of published completion events. After a failure some are published twice, none is lost."""
        head = await self._store.head(account)
        now = self._clock()
        until = now + LEASE
        if (
            head.closing
            or head.relayed >= head.last
            or not await self._store.lease_relay(account, now=now, until=until)
        ):
            return 0
        try:
            return await self._publish_pending(account, head, now)
        except Problem:
            await self._store.release_relay(account, until=until)
            raise

    async def _publish_pending(self, account: AccountId, head: Head, now: datetime) -> int:
        page = await self._store.after(account, head.relayed, now=now)
        completed = [event for event in page.events if event.type in COMPLETIONS]
        read_to = page.events[-1].number if page.events else head.last
        relayed = read_to if page.more else max(read_to, head.last)
        await self._projections.mark_behind(
            account, relayed
        )  # first, so that an outage of Aurora does not cause repeated publishing
        for event in completed:
            await self._publish(account, event)
        await self._projections.nudge(account)
        try:
            await self._store.record_relayed(account, relayed, finished=True)
        except (Refused, TransactionConflict):
            with suppress(Refused, TransactionConflict):
                await self._store.record_relayed(account, relayed, finished=False)
        return len(completed)

    async def _publish(self, account: AccountId, event: Event) -> None:
        kind = event.data.get("kind") or "unknown"
        await self._topics.publish(
            COMPLETIONS_TOPIC,
            {"account_id": account} | event.model_dump(mode="json"),
            {"type": event.type.value, "account_id": account, "item_kind": kind},
        )
