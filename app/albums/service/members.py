"""Members of an album: change roles, leave, remove."""

from dataclasses import replace

import structlog

from app.access.schema.values import AlbumRow, MemberRow
from app.access.service.album_changes import AlbumChanges
from app.accounts.service.accounts import AccountService
from app.albums.service.album_events import AlbumEvents
from app.albums.service.leaving import LeaveService
from app.albums.service.member_lists import member_to_wire
from app.albums.service.rights import require_member, require_owner
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import Member, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.problems import NotFound, WrongState

log = structlog.get_logger()


class MemberService:
    """Changes roles and ends memberships. Each change commits before its method returns."""

    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        leave_service: LeaveService,
        accounts: AccountService,
        events: AlbumEvents,
    ) -> None:
        self._cache, self._changes, self._leave_service = cache, changes, leave_service
        self._accounts, self._events = accounts, events

    async def give_role(self, owner: AccountId, album: AlbumId, account: AccountId, role: Role) -> Member:
        """Change a member's role. Raises NotFound, Forbidden for non-owners, WrongState for the owner's own role."""
        names = await self._accounts.names([account])  # before the commit: nothing may fail the request after it
        async with self._cache.change() as unit:
            row = require_owner(await self._changes.access(unit, album, owner))
            member = await self._require(unit, album, account)
            if member.role is Role.OWNER:
                raise WrongState("The owner stays the owner; hand the album over instead.")
            if member.role is not role:
                await self._changes.give_role(unit, album, account, role)
                changed = await self._edited(unit, row)
                await self._publish(unit, EventType.ALBUM_UPDATED, changed, account, role)
        return member_to_wire(replace(member, role=role), names)

    async def remove(self, caller: AccountId, album: AlbumId, account: AccountId) -> None:
        """Leave the album, or remove another member, who loses access. The items that the member added leave, too.

        Raises NotFound, Forbidden if the caller removes another member and is not the owner, WrongState for the owner.
        """
        async with self._cache.change() as unit:
            access = require_member(await self._changes.access(unit, album, caller))
            row = access.album if caller == account else require_owner(access)
            member = await self._require(unit, album, account)
            if member.role is Role.OWNER:
                raise WrongState("Transfer the album first, or delete it.")
            await self._leave_service.leave(unit, row, account, await self._changes.members(unit, album))
        log.info("member.left", account=account, album=album, by=caller)

    async def _edited(self, unit: UnitOfWork, album: AlbumRow) -> AlbumRow:
        edited = replace(album, version=album.version + 1)
        await self._changes.change(unit, album, {"version": edited.version})
        return edited

    async def _publish(
        self, unit: UnitOfWork, kind: EventType, album: AlbumRow, account: AccountId, role: Role
    ) -> None:
        change = f"version:{album.version}"
        await self._events.publish(unit, kind, album, change, account_id=account, member_role=role.value)

    async def _require(self, unit: UnitOfWork, album: AlbumId, account: AccountId) -> MemberRow:
        member = await self._changes.member(unit, album, account)
        if member is None:
            raise NotFound
        return member
