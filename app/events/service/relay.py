"""Relay of new events: first the projections' cursors and nudges, then SNS; only then the relayed number moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta

from app.events.service.nudging import ProjectionNudges
from app.events.store.log import EventStore, Head
from app.stores.dynamo import Refused, TransactionConflict
from app.stores.resources import COMPLETIONS_TOPIC, SHARDS
from app.stores.sns import Topics
from darkroom_shared.events import COMPLETIONS, Event
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Problem, Unavailable
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

LEASE = timedelta(seconds=30)
"""Prevents concurrent relays of one account; after a crash another worker continues."""
PUBLISH_SECONDS = 20.0
"""Limit from taking the lease to the end of publishing, so that a batch ends before its lease. A call of SNS that gets
no response ends earlier, after three attempts of 5 s."""
MAX_ANNOUNCED = 10_000
"""Accounts whose announcement is remembered."""


class RelayService:
    """Wakes the projections, and publishes completion events from the logs to the topic: at least once, in order."""

    def __init__(self, *, store: EventStore, topics: Topics, projections: ProjectionNudges, clock: Clock) -> None:
        self._store, self._topics, self._projections, self._clock = store, topics, projections, clock
        self._announced: dict[AccountId, int] = {}
        """Numbers that this process has announced, so that an outage of SNS does not repeat each announcement."""

    def behind(self, shard: int) -> AsyncIterator[list[AccountId]]:
        """Yield candidates of one of the 16 shards, page by page to the end; their heads decide."""
        return self._store.behind(f"{shard % SHARDS:02d}")

    async def late(self, since: datetime) -> int:
        """Return the number of accounts with events that have waited for the relay since before `since`."""
        async with TaskGroup() as tasks:
            shards = [tasks.create_task(self._store.late(f"{shard:02d}", since)) for shard in range(SHARDS)]
        return sum(shard.result() for shard in shards)

    async def announce(self, account: AccountId) -> bool:
        """Raise the projections' cursors to the head and wake them; needs no lease and no SNS. Idempotent.

        Returns whether events are to be relayed.
        """
        head = await self._store.head(account)
        if head.is_behind:
            await self._announce(account, head.last)
        return head.is_behind

    async def relay(self, account: AccountId) -> int:
        """Announce and publish one batch; return the number of published completion events.

        After a failure the next relay continues at the event that failed; after a crash some are published twice.
        """
        if not await self.announce(account):
            return 0
        ends_at, now = asyncio.get_running_loop().time() + PUBLISH_SECONDS, self._clock()
        until = now + LEASE
        if not await self._store.lease_relay(account, now=now, until=until):
            return 0
        try:
            # Read again: another relay may have published since.
            head = await self._store.head(account)
            if head.is_behind:
                return await self._publish_batch(account, head, until, ends_at)
        except Problem:
            await self._store.release_relay(account, until=until)
            raise
        await self._store.release_relay(account, until=until)
        return 0

    async def _announce(self, account: AccountId, number: int) -> None:
        if self._announced.get(account, 0) >= number:
            return
        await self._projections.mark_behind(account, number)
        await self._projections.nudge(account)
        if len(self._announced) >= MAX_ANNOUNCED:
            self._announced.clear()
        self._announced[account] = number

    async def _publish_batch(self, account: AccountId, head: Head, until: datetime, ends_at: float) -> int:
        page = await self._store.after(account, head.relayed, now=self._clock())
        read_to = page.events[-1].number if page.events else head.last
        relayed = read_to if page.more else max(read_to, head.last)
        await self._announce(account, relayed)  # nothing is recorded as relayed that is not announced
        completed = [event for event in page.events if event.type in COMPLETIONS]
        published = 0
        try:
            async with asyncio.timeout_at(ends_at):
                for event in completed:
                    await self._publish(account, event)
                    published += 1
        except (Problem, TimeoutError) as error:
            await self._record_part(account, completed[published].number - 1, until)
            if isinstance(error, Problem):
                raise
            if not published:
                raise Unavailable("SNS does not respond in time.", retry_after_seconds=1) from error
            return published
        await self._record(account, relayed, until)
        return published

    async def _record(self, account: AccountId, number: int, until: datetime) -> None:
        try:
            await self._store.record_relayed(account, number, until=until, finished=True)
        except (Refused, TransactionConflict):
            await self._record_part(account, number, until)
        else:
            self._announced.pop(account, None)

    async def _record_part(self, account: AccountId, number: int, until: datetime) -> None:
        """Record what is published. Has no effect if that is nothing or if another process has the lease."""
        with suppress(Refused, TransactionConflict):
            await self._store.record_relayed(account, number, until=until, finished=False)

    async def _publish(self, account: AccountId, event: Event) -> None:
        kind = event.data.get("kind") or "unknown"
        await self._topics.publish(
            COMPLETIONS_TOPIC,
            {"account_id": account} | event.model_dump(mode="json"),
            {"type": event.type.value, "account_id": account, "item_kind": kind},
        )
