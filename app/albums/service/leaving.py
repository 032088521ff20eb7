"""Leaving an album: with the membership row, all items that the member added disappear from it."""

from collections.abc import Sequence

from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.album_changes import AlbumChanges
from app.albums.service.album_events import AlbumEvents
from app.albums.service.contents import AlbumContents
from app.albums.store.transfers import TransferStore
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId


class LeaveService:
    """Ends a membership in the transaction of its caller, for a member, the owner, or the eraser."""

    def __init__(
        self, *, changes: AlbumChanges, contents: AlbumContents, transfers: TransferStore, events: AlbumEvents
    ) -> None:
        self._changes, self._contents, self._transfers, self._events = changes, contents, transfers, events

    async def leave(
        self, unit: UnitOfWork, album: AlbumRow, account: AccountId, recipients: Sequence[AccountId]
    ) -> None:
        """Remove a member, not the owner, from the locked album."""
        count = await self._contents.count_of(unit, album.id, account)
        await self._changes.remove_member(unit, album, account, with_items=count > 0)
        await self._transfers.remove_offer_to(unit.connection, album.id, account)
        changed = await self._contents.settle(unit, album, added=-count)
        change = f"left:{changed.items_version}"
        await self._events.publish(unit, EventType.ALBUM_LEFT, changed, change, to=recipients, account_id=account)

    async def leave_or_delete(
        self, unit: UnitOfWork, access: AlbumAccess, account: AccountId, recipients: Sequence[AccountId]
    ) -> None:
        """As `leave`; the owner's album is deleted."""
        if access.role is not Role.OWNER:
            await self.leave(unit, access.album, account, recipients)
            return
        await self._events.publish(unit, EventType.ALBUM_DELETED, access.album, "deleted", to=recipients)
        await self._changes.remove(unit, access.album)
