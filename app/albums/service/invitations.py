"""Invitations: a link that one account can use once, within seven days; its label grants nothing."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.access.schema.keys import membership_key
from app.access.schema.values import AlbumAccess, AlbumRow
from app.access.service.access import SharingService
from app.access.store.albums import AlbumStore
from app.access.store.members import MemberStore
from app.accounts.service import tokens
from app.albums.schema.values import InvitationRow
from app.albums.service.album_events import AlbumEvents
from app.albums.service.rights import owned
from app.albums.store.invitations import InvitationStore
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import MAX_MEMBERS, CreateInvitation, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, InvitationId, new_invitation_id
from darkroom_shared.problems import Full, NotFound
from darkroom_shared.times import Clock

log = structlog.get_logger()

LIFETIME = timedelta(days=7)
MAX_OPEN = 100
"""Per album."""
PREFIX = "dri_"


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation with its plain `token`; the database stores only the hash."""

    invitation: InvitationRow
    token: str


@dataclass(frozen=True, slots=True)
class ListedInvitations:
    invitations: list[InvitationRow]
    next_cursor: str | None


class InvitationService:
    def __init__(
        self,
        database: Database,
        cache: Cache,
        sharing: SharingService,
        albums: AlbumStore,
        members: MemberStore,
        store: InvitationStore,
        events: AlbumEvents,
        outbox: EventOutbox,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._database, self._cache, self._sharing = database, cache, sharing
        self._albums, self._members, self._store = albums, members, store
        self._events, self._outbox, self._cursors, self._clock = events, outbox, cursors, clock

    async def create(self, owner: AccountId, album: AlbumId, body: CreateInvitation) -> Invited:
        """Raises NotFound, Forbidden for all but the owner, Full if the album has MAX_OPEN open ones."""
        now, token = self._clock(), tokens.new_token(PREFIX)
        new = InvitationRow(new_invitation_id(), album, body.role, body.label, now, now + LIFETIME)
        async with self._cache.change() as unit:
            owned(await self._albums.access(unit.connection, album, owner))
            if await self._store.count(unit.connection, album, now) >= MAX_OPEN:
                raise Full(f"An album has {MAX_OPEN} open invitations at most.")
            await self._store.add(unit.connection, new, tokens.hash_of(token))
            data = new.to_wire().model_dump(mode="json") | {"album_id": album}
            event = NewEvent(EventType.INVITATION_CREATED, new.id, data)
            await self._outbox.publish(unit, [owner], event, f"{new.id}:created")
        log.info("invitation.created", account=owner, album=album, invitation=new.id)
        return Invited(new, token)

    async def list(self, owner: AccountId, album: AlbumId, cursor: str | None, limit: int) -> ListedInvitations:
        """Return the open ones, newest first. Raises NotFound, Forbidden, Invalid for a cursor of another list."""
        kind = f"invitations {album}"
        after = self._cursors.read(owner, kind, cursor).item_id if cursor else None
        owned(await self._sharing.access(owner, album))
        async with self._database.writer.read() as connection:
            rows = await self._store.page(connection, album, after, self._clock(), limit + 1)
        listed = rows[:limit]
        more = self._cursors.write(owner, kind, Position(listed[-1].id)) if len(rows) > limit else None
        return ListedInvitations(listed, more)

    async def revoke(self, owner: AccountId, album: AlbumId, invitation: InvitationId) -> None:
        """Raises NotFound, also for a used invitation, and Forbidden."""
        async with self._database.writer.write() as connection:
            owned(await self._albums.access(connection, album, owner))
            if not await self._store.revoke(connection, album, invitation):
                raise NotFound
        log.info("invitation.revoked", account=owner, album=album, invitation=invitation)

    async def accept(self, account: AccountId, token: str) -> AlbumAccess:
        """Join the album. Idempotent for the same account. A member whose role it does not raise leaves it unused.

        Raises NotFound for an unknown, used, revoked or expired token, without a difference between them. Raises Full.
        """
        return await retry_on_conflict(lambda: self._accept(account, tokens.hash_of(token)))

    async def _accept(self, account: AccountId, token_hash: str) -> AlbumAccess:
        async with self._cache.change() as unit:
            row = await self._store.with_token(unit.connection, token_hash)
            album = await self._albums.lock(unit.connection, row.album_id) if row else None
            if row is None or album is None:
                raise NotFound
            member = await self._members.get(unit.connection, album.id, account)
            if member is not None and (row.accepted_by == account or not _raises(row.role, member.role)):
                return AlbumAccess(album, member.role)
            if not await self._store.use(unit.connection, row.id, account, self._clock()):
                raise NotFound
            unit.invalidate(membership_key(album.id, account))
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
            await self._members.give_role(unit.connection, album.id, account, role)
        elif await self._members.count(unit.connection, album.id) >= MAX_MEMBERS:
            raise Full(f"An album has {MAX_MEMBERS} members at most.")
        else:
            await self._members.add(unit.connection, album, account, role, self._clock())
        change = f"joined:{invitation.id}"
        await self._events.publish(
            unit, EventType.ALBUM_JOINED, album, change, account_id=account, member_role=role.value
        )


def _raises(offered: Role, present: Role) -> bool:
    return present is Role.VIEWER and offered is Role.CONTRIBUTOR
