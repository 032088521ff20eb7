"""Changes of albums and memberships. Each one invalidates the cached facts that it changes, in the same transaction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app.access.schema.keys import album_key, membership_key
from app.access.schema.values import AlbumAccess, AlbumRow, MemberRow
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId


class AlbumChanges:
    """Each method is one step of the caller's transaction, which locks the album first."""

    def __init__(self, *, albums: AlbumStore, members: MemberStore) -> None:
        self._albums, self._members = albums, members

    async def lock(self, unit: UnitOfWork, album: AlbumId) -> AlbumRow | None:
        """Return the album, locked until the transaction ends; None if it is absent."""
        return await self._albums.lock(unit.connection, album)

    async def access(self, unit: UnitOfWork, album: AlbumId, account: AccountId) -> AlbumAccess | None:
        """As `lock`, with the account's role. Returns None if the album is absent or the account is not a member."""
        return await self._albums.access(unit.connection, album, account)

    async def add(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """Add the album and its owner's membership."""
        unit.invalidate(album_key(album.id))
        await self._albums.add(unit.connection, album)
        await self.add_member(unit, album, album.owner_id, Role.OWNER, album.created_at)

    async def change(
        self, unit: UnitOfWork, album: AlbumRow, values: Mapping[str, object], *, expected: int | None = None
    ) -> bool:
        """Set columns of the album. Returns False and changes nothing if `expected` is not the album's version."""
        unit.invalidate(album_key(album.id))
        return await self._albums.change(unit.connection, album, values, expected=expected)

    async def change_owner(self, unit: UnitOfWork, album: AlbumRow, receiver: AccountId) -> AlbumRow:
        """Make a member the owner, and the previous owner a contributor. The album does not allow originals then."""
        changed = replace(album, owner_id=receiver, originals_allowed=False, version=album.version + 1)
        values = {"owner_id": receiver, "originals_allowed": False, "version": changed.version}
        await self.change(unit, album, values)
        await self.give_role(unit, album.id, album.owner_id, Role.CONTRIBUTOR)
        await self.give_role(unit, album.id, receiver, Role.OWNER)
        return changed

    async def remove(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """Delete the album with its members, invitations and links; its placements are hidden now and purged later."""
        unit.invalidate(album_key(album.id))
        await self._albums.remove(unit.connection, album)

    async def members(self, unit: UnitOfWork, album: AlbumId) -> list[AccountId]:
        """Return the accounts of all members, the owner included, in no particular order."""
        return await self._albums.members(unit.connection, album)

    async def member(self, unit: UnitOfWork, album: AlbumId, account: AccountId) -> MemberRow | None:
        """Return None if the account is not a member."""
        return await self._members.get(unit.connection, album, account)

    async def count_members(self, unit: UnitOfWork, album: AlbumId) -> int:
        """Return the number of members, the owner included."""
        return await self._members.count(unit.connection, album)

    async def add_member(
        self, unit: UnitOfWork, album: AlbumRow, account: AccountId, role: Role, now: datetime
    ) -> None:
        """The transaction raises Conflict at its end if the account is already a member."""
        unit.invalidate(membership_key(album.id, account))
        await self._members.add(unit.connection, album, account, role, now)

    async def give_role(self, unit: UnitOfWork, album: AlbumId, account: AccountId, role: Role) -> None:
        """Set the role. Does nothing if the account is not a member."""
        unit.invalidate(membership_key(album, account))
        await self._members.give_role(unit.connection, album, account, role)

    async def remove_member(self, unit: UnitOfWork, album: AlbumRow, account: AccountId, *, with_items: bool) -> None:
        """Remove the membership. This hides the items that the account has added; `with_items` schedules their
        purge."""
        unit.invalidate(membership_key(album.id, account))
        await self._members.remove(unit.connection, album.id, account)
        if with_items:
            await self._albums.record_purge(unit.connection, album, account)
