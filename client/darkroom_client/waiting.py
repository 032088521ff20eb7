"""Wait until items are finished: one event stream for all of them, and polling of the rows while it is silent."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from pydantic import ValidationError

from darkroom_client.client import DarkroomClient
from darkroom_client.errors import UnexpectedResponse
from darkroom_client.events import Reset
from darkroom_shared.events import Event, EventType, Progress
from darkroom_shared.ids import ItemId
from darkroom_shared.items import Item, ItemState
from darkroom_shared.problems import NotFound
from darkroom_shared.task_group import TaskGroup

SubjectT = TypeVar("SubjectT")

FINISHED_STATES = frozenset(
    {ItemState.READY, ItemState.FAILED, ItemState.CANCELLED, ItemState.EXPIRED, ItemState.DELETED}
)
FINISHING_EVENTS = frozenset(
    {
        EventType.ITEM_READY,
        EventType.ITEM_FAILED,
        EventType.ITEM_CANCELLED,
        EventType.ITEM_EXPIRED,
        EventType.ITEM_DELETED,
    }
)
POLL_SECONDS = 15.0
"""How often unfinished items are polled, in case an event was missed."""
ITEMS_PER_POLL = 20


class Waiter(Generic[SubjectT]):
    """Call `expect` as soon as an item's id is known, `settle` once it is accepted; `on_finished` receives the
    outcome.
    """

    def __init__(self, client: DarkroomClient, on_finished: Callable[[SubjectT, Item], None]) -> None:
        self._client, self._on_finished = client, on_finished
        self._expected: dict[ItemId, Item | None] = {}
        self._waiting: dict[ItemId, list[SubjectT]] = {}
        self._changed = asyncio.Event()

    def expect(self, item_id: ItemId) -> None:
        """Record the item's end from now on, in case it comes before `settle`."""
        self._expected.setdefault(item_id, None)

    def drop_expectation(self, item_id: ItemId) -> None:
        self._expected.pop(item_id, None)

    async def settle(self, subject: SubjectT, item: Item) -> None:
        """Call `on_finished` now if the item has ended, otherwise when it ends."""
        if item.id not in self._expected:  # a duplicate: its last event may have come before it was expected
            self.expect(item.id)
            item = await self._client.items.require(item.id)
        finished = self._expected.pop(item.id, None) or (item if item.state in FINISHED_STATES else None)
        if finished is not None:
            self._on_finished(subject, finished)
            return
        self._waiting.setdefault(item.id, []).append(subject)

    async def until_all_finished(self, on_left: Callable[[int], None]) -> None:
        """Wait for all items. `on_left` receives the number of unfinished items now and after each change."""
        while self._waiting:
            on_left(len(self._waiting))
            self._changed.clear()
            await self._changed.wait()

    async def watch(self, after: int) -> None:
        """Process events until cancelled."""
        async with TaskGroup() as tasks:
            tasks.create_task(self._poll())
            async with aclosing(self._client.events(after=after)) as events:
                async for event in events:
                    match event:
                        case Event() if event.type in FINISHING_EVENTS:
                            self._notice(_item(event))
                        case Reset():
                            await self._poll_items(list(self._waiting))
                        case Event() | Progress():
                            pass

    def _notice(self, item: Item) -> None:
        if item.id in self._expected:
            self._expected[item.id] = item
        for subject in self._waiting.pop(item.id, ()):
            self._on_finished(subject, item)
        self._changed.set()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._poll_items(list(self._waiting)[:ITEMS_PER_POLL])

    async def _poll_items(self, item_ids: list[ItemId]) -> None:
        for item_id in item_ids:
            try:
                item = await self._client.items.require(item_id)
            except NotFound:
                continue  # deleted; an event reports it
            if item.state in FINISHED_STATES:
                self._notice(item)


def _item(event: Event) -> Item:
    try:
        return Item.model_validate(event.data)
    except ValidationError as error:
        raise UnexpectedResponse(f"event {event.number} does not carry an item as this client knows it") from error
