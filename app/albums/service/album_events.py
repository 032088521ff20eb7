"""Publishing album events to the members, in the transaction that makes the change."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.access.schema.values import AlbumRow
from app.access.service.album_changes import AlbumChanges
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import Album, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, ItemId

MAX_NAMED = 50
"""Maximum number of items that an event names. A larger change has only their number, and clients reload the album."""


class AlbumEvents:
    """Publishes changes of an album to the logs of its members, after the commit of the unit of work."""

    def __init__(self, *, outbox: EventOutbox, changes: AlbumChanges) -> None:
        self._outbox, self._changes = outbox, changes

    async def publish(
        self,
        unit: UnitOfWork,
        kind: EventType,
        album: AlbumRow,
        change: str,
        *,
        to: Sequence[AccountId] | None = None,
        **further: Any,
    ) -> None:
        """Publish to all members, or to `to` only. `change` is a deduplication key, unique in the album."""
        recipients = await self._changes.members(unit, album.id) if to is None else to
        await self._outbox.publish(
            unit, recipients, NewEvent(kind, album.id, event_data(album) | further), f"{album.id}:{change}"
        )

    async def publish_items(self, unit: UnitOfWork, kind: EventType, album: AlbumRow, items: Sequence[ItemId]) -> None:
        """Publish a change of the items. `album` is the row after the change."""
        named: Mapping[str, Any] = {"item_ids": list(items)} if len(items) <= MAX_NAMED else {}
        await self.publish(unit, kind, album, f"items:{album.items_version}", changed=len(items), **named)


def event_data(album: AlbumRow) -> dict[str, Any]:
    """Return the album without the role, which differs from member to member."""
    return to_wire(album, None).model_dump(mode="json", exclude={"role"})


def to_wire(album: AlbumRow, role: Role | None) -> Album:
    """`role`: the reader's role; None in an event, which is sent to members of every role."""
    return Album(
        id=album.id,
        title=album.title,
        description=album.description,
        order=album.item_order,
        originals_allowed=album.originals_allowed,
        cover_item_id=album.cover_item_id,
        item_count=album.item_count,
        owner_id=album.owner_id,
        version=album.version,
        created_at=album.created_at,
        role=role,
    )
