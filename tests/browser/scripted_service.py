"""State of the scripted service: items, videos, log and streams, which tests change while the page is open."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from darkroom_shared.accounts import Account
from darkroom_shared.events import Event, EventType, Progress
from darkroom_shared.ids import new_account_id
from darkroom_shared.items import Item, ItemState, ReceiptStep, Rendition
from darkroom_shared.problems import NotFound, Problem
from tests.browser.sample_videos import SEGMENTS, SampleVideo

UNREAD_EVENTS = 10
SMALL, MEDIUM, LARGE = 400, 1024, 2048


@dataclass(slots=True)
class Encode:
    """Progress of the encoding of a video; the test advances it."""

    video: SampleVideo
    made: int = SEGMENTS
    """Number of finished segments of every rung."""
    attempt: int = 1


class ScriptedService:
    """State of the service. It is served on its own loop; tests call its methods from their loop."""

    def __init__(self) -> None:
        self.url = ""
        """The server's URL, set by the test."""
        self.account = Account(
            id=new_account_id(), email="ada@example.com", administrator=True, created_at=datetime.now(UTC)
        )
        self.signed_in = True
        self.items: dict[str, Item] = {}
        self.deleted: dict[str, Item] = {}
        self.receipts: dict[str, list[ReceiptStep]] = {}
        self.events: list[Event] = []
        self.oldest_event = 1
        self.holds_responses = False
        """Publish the event of a created item, but hold back the response of the request."""
        self.stored: dict[str, bytes] = {}
        self.created: dict[str, str] = {}
        """The ids of items by the Idempotency-Key of the request that created them."""
        self.images: dict[str, bytes] = {}
        """Images on the CDN, by item name."""
        self.encodes: dict[str, Encode] = {}
        """By item id."""
        self.fetched: list[str] = []
        """Video files that the CDN has served, for example `high_00003.m4s`."""
        self.progress: list[Progress] = []
        """Progress messages that the streams still have to send."""
        self.requests: Counter[str] = Counter()
        """Counts by method and path without ids, for example `GET /v1/items`."""
        self.refused: list[tuple[str, Problem]] = []
        """The next request of this kind gets this problem."""
        self.window = 1
        """Part of every CDN URL that the service issues."""
        self.oldest_window = 1
        """The CDN refuses URLs of earlier windows."""
        self.page_items = 100
        self.streams = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.new_event = asyncio.Event()
        self.cut = asyncio.Event()

    def append_event(self, type_: EventType, item: Item) -> None:
        """Append an event to the log and wake every stream."""
        bare = tuple(each.model_copy(update={"url": None}) for each in item.renditions)
        data = item.model_copy(update={"renditions": bare, "urls_expire_at": None}).model_dump(mode="json")
        number = len(self.events) + self.oldest_event
        self.events.append(Event(number=number, type=type_, at=datetime.now(UTC), subject=item.id, data=data))
        self._wake(lambda: self.new_event)

    def change(self, item: Item, event: EventType | None = None, **fields: Any) -> Item:
        changed = item.model_copy(update=fields)
        self.items[item.id] = changed
        if event is not None:
            self.append_event(event, changed)
        return changed

    def make_ready(
        self,
        item: Item,
        placeholder: str,
        width: int = 1200,
        height: int = 800,
        event: EventType | None = EventType.ITEM_READY,
    ) -> Item:
        renditions = self._renditions(item, width, height)
        return self.change(
            item,
            event,
            state=ItemState.READY,
            placeholder=placeholder,
            width=width,
            height=height,
            renditions=renditions,
            deadline=None,
        )

    def publish_progress(self, progress: Progress) -> None:
        """Send it to every stream, once."""
        self.progress.append(progress)
        self._wake(lambda: self.new_event)

    def drop_events(self) -> None:
        """Drop the log, as if it had expired after thirty days with many unread events."""
        self.oldest_event = self.head + 1 + UNREAD_EVENTS
        self.events.clear()

    def cut_streams(self) -> None:
        self._wake(lambda: self.cut)

    def _wake(self, event: Callable[[], asyncio.Event]) -> None:
        if self.loop is not None:
            self.loop.call_soon_threadsafe(lambda: event().set())

    @property
    def head(self) -> int:
        return self.oldest_event + len(self.events) - 1

    def _renditions(self, item: Item, width: int, height: int) -> tuple[Rendition, ...]:
        sizes = [
            ("small", "webp", SMALL),
            ("medium", "webp", MEDIUM),
            ("large", "webp", LARGE),
            ("fallback", "jpeg", LARGE),
        ]
        made = []
        for name, form, edge in sizes:
            scale = min(1.0, edge / max(width, height))
            made.append(
                Rendition(
                    name=name,
                    file=f"{name}.{form}",
                    content_type=f"image/{form}",
                    width=round(width * scale),
                    height=round(height * scale),
                    size_bytes=1,
                )
            )
        return tuple(made)

    def to_wire(self, item: Item) -> Item:
        signed = tuple(
            each.model_copy(update={"url": f"{self.url}/cdn/{self.window}/{item.name}/{each.file}"})
            for each in item.renditions
        )
        playlist = f"/v1/items/{item.id}/hls/main.m3u8?grant=g{self.window}" if item.playable else None
        return item.model_copy(update={"renditions": signed, "playlist_url": playlist})

    def require(self, item: str) -> Item:
        if item not in self.items:
            raise NotFound
        return self.items[item]
