"""Leaving an album: with the membership row, all items that the member added disappear from it."""

from collections.abc import Sequence
from dataclasses import replace

from app.access.schema.values import AlbumRow
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.access.store.placements import PlacementStore
from app.albums.service.album_events import AlbumEvents
from app.albums.service.contents import AlbumContents
from app.albums.store.transfers import TransferStore
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId


class LeaveService:
    def __init__(
        self,
        *,
        albums: AlbumStore,
        members: MemberStore,
        placed: PlacementStore,
        contents: AlbumContents,
        transfers: TransferStore,
        events: AlbumEvents,
    ) -> None:
        self._albums, self._members, self._placed = albums, members, placed
        self._contents, self._transfers, self._events = contents, transfers, events

    async def leave(
        self, unit: UnitOfWork, album: AlbumRow, account: AccountId, recipients: Sequence[AccountId]
    ) -> None:
        """Remove a member, not the owner, from the locked album. The caller's transaction invalidates the keys of the
        album and the membership."""
        count = await self._placed.count_of(unit.connection, album.id, account)
        await self._members.remove(unit.connection, album.id, account)
        await self._transfers.remove_offer_to(unit.connection, album.id, account)
        if count:
            await self._albums.note_purge(unit.connection, album, account)
        changed = replace(album, item_count=album.item_count - count, items_version=album.items_version + 1)
        changed = await self._contents.settle(unit.connection, changed)
        change = f"left:{changed.items_version}"
        await self._events.publish(unit, EventType.ALBUM_LEFT, changed, change, to=recipients, account_id=account)
