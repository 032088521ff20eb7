"""Joining an album by an invitation."""

import structlog

from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.album_changes import AlbumChanges
from app.accounts.service import tokens
from app.albums.schema.values import InvitationRow
from app.albums.service.album_events import AlbumEvents
from app.albums.store.invitations import InvitationStore
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import MAX_MEMBERS, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import Full, NotFound
from darkroom_shared.times import Clock

log = structlog.get_logger()


class JoinService:
    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        store: InvitationStore,
        events: AlbumEvents,
        clock: Clock,
    ) -> None:
        self._cache, self._changes, self._store = cache, changes, store
        self._events, self._clock = events, clock

    async def accept(self, account: AccountId, token: str) -> AlbumAccess:
        """Join the album. Idempotent for the same account. A member whose role it would not raise does not use it up.

        Raises NotFound for an unknown, used, revoked or expired token, without a difference between them. Raises Full.
        """
        return await retry_on_conflict(lambda: self._accept(account, tokens.hash_of(token)))

    async def _accept(self, account: AccountId, token_hash: str) -> AlbumAccess:
        async with self._cache.change() as unit:
            row = await self._store.with_token(unit.connection, token_hash)
            album = await self._changes.lock(unit, row.album_id) if row else None
            if row is None or album is None:
                raise NotFound
            member = await self._changes.member(unit, album.id, account)
            if member is not None and (row.accepted_by == account or not _raises(row.role, member.role)):
                return AlbumAccess(album, member.role)
            if not await self._store.use(unit.connection, row.id, account, self._clock()):
                raise NotFound
            await self._add_member(unit, album, account, row, known=member is not None)
        log.info("invitation.accepted", account=account, album=album.id, invitation=row.id)
        return AlbumAccess(album, row.role)

    async def _add_member(
        self,
        unit: UnitOfWork,
        album: AlbumRow,
        account: AccountId,
        invitation: InvitationRow,
        *,
        known: bool,
    ) -> None:
        role = invitation.role
        if known:
            await self._changes.give_role(unit, album.id, account, role)
        elif await self._changes.count_members(unit, album.id) >= MAX_MEMBERS:
            raise Full(f"An album has {MAX_MEMBERS} members at most.")
        else:
            await self._changes.add_member(unit, album, account, role, self._clock())
        change = f"joined:{invitation.id}"
        await self._events.publish(
            unit, EventType.ALBUM_JOINED, album, change, account_id=account, member_role=role.value
        )


def _raises(offered: Role, present: Role) -> bool:
    return present is Role.VIEWER and offered is Role.CONTRIBUTOR
