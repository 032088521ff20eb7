"""The event log on the wire: the event types and their shape."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from darkroom_shared.ids import ItemIdField
from darkroom_shared.times import Moment
from darkroom_shared.wire import Response


class EventType(StrEnum):
    ITEM_CREATED = "item.created"
    ITEM_PLAYABLE = "item.playable"
    ITEM_READY = "item.ready"
    ITEM_FAILED = "item.failed"
    ITEM_CANCELLED = "item.cancelled"
    ITEM_EXPIRED = "item.expired"
    ITEM_UPDATED = "item.updated"
    ITEM_DELETED = "item.deleted"
    ITEM_RESTORED = "item.restored"
    EXPORT_READY = "export.ready"
    EXPORT_FAILED = "export.failed"
    ALBUM_CREATED = "album.created"
    ALBUM_UPDATED = "album.updated"
    ALBUM_DELETED = "album.deleted"
    ALBUM_ITEMS_ADDED = "album.items_added"
    ALBUM_ITEMS_REMOVED = "album.items_removed"
    ALBUM_JOINED = "album.joined"
    ALBUM_LEFT = "album.left"
    INVITATION_CREATED = "invitation.created"
    SHARE_CREATED = "share.created"
    SHARE_REVOKED = "share.revoked"
    COMMENT_CREATED = "comment.created"
    COMMENT_UPDATED = "comment.updated"
    COMMENT_DELETED = "comment.deleted"


COMPLETIONS = frozenset({EventType.ITEM_READY, EventType.ITEM_FAILED})
"""The types that are also published to SNS."""

HEAD_HEADER = "Darkroom-Events"
"""On every list response: the number of the last event, read before the list."""


class Event(Response):
    number: int = Field(description="1, 2, 3 … without gaps in an account.")
    type: EventType
    at: Moment
    subject: str = Field(description="The id of what the event is about.")
    data: dict[str, Any] = Field(description="The subject as the API shows it, without URLs.")


class EventPage(Response):
    events: tuple[Event, ...]
    read_to: int = Field(description="How far this page has read; the next one begins with `after` = this.")
    head: int = Field(description="The last number in the log when it was read.")


class Progress(Response):
    """How far a video is. Sent in the stream as `event: progress`; it is not in the log and may get lost."""

    id: ItemIdField
    percent: float = Field(ge=0, le=100)
    ready_at: Moment | None = Field(description="Estimated; absent until there is something to estimate from.")
