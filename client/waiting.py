"""Waits until items are finished: one event stream for all of them, and a look at the rows when it is silent."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from pydantic import ValidationError

from client.client import DarkroomClient
from client.errors import UnexpectedResponse
from client.events import Reset
from shared.events import Event, EventType, Progress
from shared.ids import ItemId
from shared.items import Item, ItemState
from shared.problems import NotFound
from shared.task_group import TaskGroup

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
"""How often unfinished items are looked at, should an event have been missed."""
ITEMS_PER_POLL = 20


class Waiter(Generic[SubjectT]):
    """`expect` an item as soon as its id is known, `settle` it once it is accepted; `on_finished` hears the outcome."""

    def __init__(self, client: DarkroomClient, on_finished: Callable[[SubjectT, Item], None]) -> None:
        self._client, self._on_finished = client, on_finished
        self._expected: dict[ItemId, Item | None] = {}
        self._waiting: dict[ItemId, list[SubjectT]] = {}
        self._changed = asyncio.Event()

    def expect(self, item_id: ItemId) -> None:
        """From now on its end is noticed, should it come before `settle`."""
        self._expected.setdefault(item_id, None)

    def delete(self, item_id: ItemId) -> None:
        self._expected.pop(item_id, None)

    async def settle(self, subject: SubjectT, item: Item) -> None:
        """Tells `on_finished` at once or later."""
        if item.id not in self._expected:  # a duplicate: its last event may have passed while nobody expected it
            self.expect(item.id)
            item = await self._client.items.require(item.id)
        finished = self._expected.pop(item.id, None) or (item if item.state in FINISHED_STATES else None)
        if finished is not None:
            self._on_finished(subject, finished)
            return
        self._waiting.setdefault(item.id, []).append(subject)

    async def until_all_finished(self, on_left: Callable[[int], None]) -> None:
        """`on_left` hears now, and whenever it changes, how many items are unfinished."""
        while self._waiting:
            on_left(len(self._waiting))
            self._changed.clear()
            await self._changed.wait()

    async def watch(self, after: int) -> None:
        """Runs until it is cancelled."""
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
                continue  # deleted; the event says so
            if item.state in FINISHED_STATES:
                self._notice(item)


def _item(event: Event) -> Item:
    try:
        return Item.model_validate(event.data)
    except ValidationError as error:
        raise UnexpectedResponse(f"event {event.number} does not carry an item as this client knows it") from error
