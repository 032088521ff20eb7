"""How late the work on items is, for the overview and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.items.schema.row import ItemRow, Lane
from app.items.service import lifecycle
from app.items.store import ItemStore
from app.stores.resources import SHARDS
from darkroom_shared.items import ItemState
from darkroom_shared.task_group import TaskGroup
from darkroom_shared.times import Clock

BATCH = 100
"""Rows read of a shard, the most urgent ones; more are not counted."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How late the work is. `past_deadline` counts items."""

    past_deadline: int
    oldest_by_lane: Mapping[Lane, float]
    """Seconds. A lane without queued items has no entry."""

    @property
    def oldest_wait_seconds(self) -> float:
        """The longest wait of all lanes; 0 if no item is queued."""
        return max(self.oldest_by_lane.values(), default=0.0)


class BacklogService:
    """Measures the backlog of all shards. Changes nothing."""

    def __init__(self, *, store: ItemStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def measure(self, since: datetime) -> Backlog:
        """Count items whose deadline passed before `since`, and measure the longest wait of a queued item."""
        async with TaskGroup() as tasks:
            shards = [tasks.create_task(self._waiting(shard)) for shard in range(SHARDS)]
        rows = [row for shard in shards for row in shard.result()]
        late = sum(1 for row in rows if row.deadline is not None and row.deadline < since)
        now = self._clock()
        oldest: dict[Lane, float] = {}
        for row in rows:
            if row.queued_at and row.state is ItemState.QUEUED:
                wait = round((now - row.queued_at).total_seconds(), 1)
                oldest[row.lane] = max(wait, oldest.get(row.lane, 0.0))
        return Backlog(late, oldest)

    async def _waiting(self, shard: int) -> list[ItemRow]:
        """Return the rows that are due within a day, the most urgent first."""
        until = self._clock() + lifecycle.QUEUE_LIMIT
        candidates = await self._store.due(f"{shard:02d}", until, BATCH)
        return await self._store.get_many(candidates)
