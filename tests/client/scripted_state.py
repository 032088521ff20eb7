"""State of the scripted service: accounts with items and events, scripted failures, and a record of requests."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId, ItemId, new_account_id, new_item_id
from darkroom_shared.items import CreateItem, Failure, FailureCode, Item, ItemKind, ItemState, Rendition
from darkroom_shared.times import utc_now


@dataclass
class Script:
    """What goes wrong next. Each list is consumed from its front."""

    cut_puts: list[int] = field(default_factory=list)
    """Bytes of a PUT's body after which its connection is cut, one entry per PUT."""
    dropped_puts: int = 0
    """Number of PUTs that are stored but whose response is lost."""
    stall_at: int | None = None
    """Total received bytes at which the storage stops reading, so that a test can kill the client at that point."""
    refuse_links: int = 0
    """Number of PUTs that are refused because of an expired signature."""
    expire_links: int = 0
    """Number of PUTs that are refused because the credentials that signed have ended."""
    responses: list[dict[str, Any]] = field(default_factory=list)
    """For example `{"request": "POST /v1/items", "status": 503, "headers": {}, "body": {}, "lost": false}`. A `lost`
    request is processed, then its connection is cut."""
    fails: list[str] = field(default_factory=list)
    """Names of items that become `failed` instead of `ready`."""
    finishes: bool = True
    """Whether completed items become ready."""
    cut_stream_after: int | None = None
    """Number of events after which an event stream ends."""
    oldest_event: int = 1
    drop_sessions: bool = False
    damage_downloads: bool = False
    cut_gets: list[int] = field(default_factory=list)


@dataclass
class Record:
    """What happened so far, for tests to read."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    puts: list[dict[str, Any]] = field(default_factory=list)
    received_bytes: int = 0
    stored_bytes: int = 0
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    completed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class StoredItem:
    item: Item
    change: CreateItem
    parts: dict[int, str] = field(default_factory=dict)
    """Digests by part number; a single PUT is part 0."""
    duplicate_of: ItemId | None = None


VIDEO_FIELDS: dict[str, Any] = {
    "kind": ItemKind.VIDEO,
    "duration_seconds": 83.4,
    "playable": True,
    "renditions": (
        Rendition(name="video", file="video.mp4", content_type="video/mp4", width=640, height=360, size_bytes=70_000),
        Rendition(
            name="storyboard_track",
            file="storyboard.vtt",
            content_type="text/vtt",
            width=None,
            height=None,
            size_bytes=400,
        ),
    ),
}


@dataclass
class Account:
    email: str
    password: str
    id: AccountId = field(default_factory=new_account_id)
    tokens: set[str] = field(default_factory=set)
    items: dict[ItemId, StoredItem] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    requests: dict[str, tuple[str, ItemId]] = field(default_factory=dict)
    by_digest: dict[str, StoredItem] = field(default_factory=dict)
    script: Script = field(default_factory=Script)
    record: Record = field(default_factory=Record)
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    def sign_in(self) -> str:
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        return token

    def create(self, change: CreateItem) -> StoredItem:
        now = utc_now()
        item = Item(
            id=new_item_id(),
            kind=None,
            state=ItemState.UPLOADING,
            name=change.name,
            caption=change.caption,
            size_bytes=change.size_bytes,
            content_type=change.content_type,
            digest=change.digest,
            created_at=now,
            captured_at=change.captured_at,
            deadline=now,
            version=1,
        )
        stored = StoredItem(item, change)
        self.items[item.id] = stored
        self.publish(EventType.ITEM_CREATED, item)
        return stored

    def live_duplicate(self, digest: str | None) -> StoredItem | None:
        live = {ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY}
        known = self.by_digest.get(digest or "")
        return known if known is not None and known.item.state in live else None

    def change(self, stored: StoredItem, **fields: Any) -> Item:
        stored.item = stored.item.model_copy(update=fields)
        return stored.item

    def finish(self, stored: StoredItem) -> None:
        """Do the work of a worker, immediately."""
        self.by_digest[stored.item.digest or ""] = stored
        self.record.completed.set()
        if stored.item.name in self.script.fails:
            failure = Failure(code=FailureCode.DAMAGED, message="This file is damaged.", retryable=False)
            self.publish(EventType.ITEM_FAILED, self.change(stored, state=ItemState.FAILED, failure=failure))
        elif self.script.finishes:
            video = VIDEO_FIELDS if stored.item.content_type.startswith("video/") else {}
            self.publish(EventType.ITEM_READY, self.change(stored, state=ItemState.READY, **video))

    def publish(self, kind: EventType, item: Item) -> None:
        data = item.model_dump(mode="json")
        self.events.append(Event(number=len(self.events) + 1, type=kind, at=utc_now(), subject=item.id, data=data))
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()
