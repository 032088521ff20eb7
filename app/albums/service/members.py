"""Members of an album: list them, change roles, leave, remove."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from app.access.schema.keys import album_key, membership_key
from app.access.schema.values import AlbumRow, MemberRow
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.accounts.service.accounts import AccountService
from app.albums.service.album_events import AlbumEvents
from app.albums.service.leaving import LeaveService
from app.albums.service.rights import owned, seen
from app.pagination import Cursors, Position
from app.stores.aurora import AsyncConnection, Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import Member, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId
from darkroom_shared.problems import NotFound, WrongState

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ListedMembers:
    members: list[Member]
    next_cursor: str | None


class MemberService:
    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        albums: AlbumStore,
        store: MemberStore,
        leave_service: LeaveService,
        accounts: AccountService,
        events: AlbumEvents,
        cursors: Cursors,
    ) -> None:
        self._database, self._cache, self._albums, self._store = database, cache, albums, store
        self._leave_service, self._accounts = leave_service, accounts
        self._events, self._cursors = events, cursors

    async def list(self, reader: AccountId, album: AlbumId, cursor: str | None, limit: int) -> ListedMembers:
        """Return members with their names, without e-mail addresses. Expects that the reader's access has been checked.

        Raises Invalid for a cursor of another list.
        """
        kind = f"members {album}"
        after = self._cursors.read(reader, kind, cursor).item_id if cursor else None
        async with self._database.writer.read() as connection:
            rows = await self._store.page(connection, album, after, limit + 1)
        listed = rows[:limit]
        names = await self._accounts.names([each.account_id for each in listed])
        more = self._cursors.write(reader, kind, Position(listed[-1].account_id)) if len(rows) > limit else None
        return ListedMembers([member_to_wire(each, names) for each in listed], more)

    async def give_role(self, owner: AccountId, album: AlbumId, account: AccountId, role: Role) -> Member:
        """Raises NotFound, Forbidden for all but the owner, WrongState for the owner's own role."""
        names = await self._accounts.names([account])  # before the commit: nothing may fail the request after it
        async with self._cache.change(album_key(album), membership_key(album, account)) as unit:
            row = owned(await self._albums.access(unit.connection, album, owner))
            member = await self._require(unit.connection, album, account)
            if member.role is Role.OWNER:
                raise WrongState("The owner stays the owner; hand the album over instead.")
            if member.role is not role:
                await self._store.give_role(unit.connection, album, account, role)
                changed = await self._edited(unit.connection, row)
                await self._publish(unit, EventType.ALBUM_UPDATED, changed, account, role)
        return member_to_wire(replace(member, role=role), names)

    async def remove(self, caller: AccountId, album: AlbumId, account: AccountId) -> None:
        """Leave the album, or remove another member, who loses access. The items that the member added leave, too.

        Raises NotFound, Forbidden if the caller removes another member and is not the owner, WrongState for the owner.
        """
        async with self._cache.change(album_key(album), membership_key(album, account)) as unit:
            access = seen(await self._albums.access(unit.connection, album, caller))
            row = access.album if caller == account else owned(access)
            member = await self._require(unit.connection, album, account)
            if member.role is Role.OWNER:
                raise WrongState("Hand the album over first, or delete it.")
            await self._leave_service.leave(unit, row, account, await self._albums.members(unit.connection, album))
        log.info("member.left", account=account, album=album, by=caller)

    async def _edited(self, connection: AsyncConnection, album: AlbumRow) -> AlbumRow:
        edited = replace(album, version=album.version + 1)
        await self._albums.change(connection, album, {"version": edited.version}, expected=None)
        return edited

    async def _publish(
        self, unit: UnitOfWork, kind: EventType, album: AlbumRow, account: AccountId, role: Role
    ) -> None:
        change = f"version:{album.version}"
        await self._events.publish(unit, kind, album, change, account_id=account, member_role=role.value)

    async def _require(self, connection: AsyncConnection, album: AlbumId, account: AccountId) -> MemberRow:
        member = await self._store.get(connection, album, account)
        if member is None:
            raise NotFound
        return member


def member_to_wire(member: MemberRow, names: Mapping[AccountId, str]) -> Member:
    return Member(
        account_id=member.account_id,
        name=names.get(member.account_id, ""),
        role=member.role,
        joined_at=member.joined_at,
    )
