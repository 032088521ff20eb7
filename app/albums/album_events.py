"""Telling an album's members what happened in it, in the transaction in which it happens."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.store import AlbumStore
from app.events.log import NewEvent
from app.events.outbox import EventOutbox
from app.sharing.values import AlbumRow
from shared.albums import Album, Role
from shared.events import EventType
from shared.ids import AccountId, ItemId

MAX_NAMED = 50
"""Items that an event names; of more it says how many, and whoever shows the album loads it anew."""


class AlbumEvents:
    def __init__(self, outbox: EventOutbox, store: AlbumStore) -> None:
        self._outbox, self._store = outbox, store

    async def publish(
        self,
        connection: AsyncConnection,
        kind: EventType,
        album: AlbumRow,
        change: str,
        *,
        to: Sequence[AccountId] | None = None,
        **further: Any,
    ) -> None:
        """To all members, or those named. `change` is a word for this change that the album never has twice."""
        recipients = await self._store.members(connection, album.id) if to is None else to
        await self._outbox.publish(
            connection, recipients, NewEvent(kind, album.id, event_data(album) | further), f"{album.id}:{change}"
        )

    async def publish_items(
        self, connection: AsyncConnection, kind: EventType, album: AlbumRow, items: Sequence[ItemId]
    ) -> None:
        """`album` as it stands with the change."""
        named: Mapping[str, Any] = {"item_ids": list(items)} if len(items) <= MAX_NAMED else {}
        await self.publish(connection, kind, album, f"items:{album.items_version}", changed=len(items), **named)


def event_data(album: AlbumRow) -> dict[str, Any]:
    """The album as everybody in it may see it."""
    return to_wire(album, None).model_dump(mode="json", exclude={"role"})


def to_wire(album: AlbumRow, role: Role | None) -> Album:
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
