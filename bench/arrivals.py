"""Record when items became ready, from one event stream through both tiers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from statistics import median

from darkroom_client.client import DarkroomClient
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import ItemId
from darkroom_shared.items import ReceiptStep
from darkroom_shared.task_group import TaskGroup

MAX_SECONDS = 600.0


class Arrivals:
    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._changed = asyncio.Condition()

    async def ready_at(self, item: ItemId) -> float:
        """Return the time on `time.perf_counter`; wait for it."""
        async with asyncio.timeout(MAX_SECONDS), self._changed:
            await self._changed.wait_for(lambda: item in self._seen)
        return self._seen[item]

    async def watch(self, client: DarkroomClient, after: int) -> None:
        """Record events until cancelled; an item that fails ends the benchmark."""
        async with aclosing(client.events(after=after)) as events:
            async for event in events:
                match event:
                    case Event(type=EventType.ITEM_READY):
                        async with self._changed:
                            self._seen[event.subject] = time.perf_counter()
                            self._changed.notify_all()
                    case Event(type=EventType.ITEM_FAILED):
                        raise RuntimeError(f"an item failed: {event.data}")


@asynccontextmanager
async def arrivals(client: DarkroomClient) -> AsyncIterator[Arrivals]:
    """Record the items that become ready from now on."""
    seen, after = Arrivals(), (await client.items.list(limit=1)).head
    async with TaskGroup() as tasks:
        watching = tasks.create_task(seen.watch(client, after))
        yield seen
        watching.cancel()


async def step_of(client: DarkroomClient, item: ItemId, name: str) -> ReceiptStep:
    """Return the step `name` of the item's receipt."""
    return next(step for step in (await client.items.receipt(item)).steps if step.step == name)


async def show_receipt(client: DarkroomClient, items: list[ItemId]) -> None:
    """Print the median duration of each step, to show where the time is spent."""
    seconds: dict[str, list[float]] = {}
    for item in items:
        steps = (await client.items.receipt(item)).steps
        for before, step in zip((None, *steps), steps, strict=False):
            since = (step.at - before.at).total_seconds() if before else 0.0
            seconds.setdefault(step.step, []).append(since)
    print(", ".join(f"{name} {median(values) * 1e3:.0f}" for name, values in seconds.items()), "ms after one another")
