"""Invitations, for the album's owner: a link that one account can use once, within seven days; its label grants
nothing."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.access.service.access import AccessService
from app.access.store.albums import AlbumStore
from app.accounts.service import tokens
from app.albums.schema.values import InvitationRow
from app.albums.service.rights import owned
from app.albums.store.invitations import InvitationStore
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from darkroom_shared.albums import CreateInvitation
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
        *,
        database: Database,
        cache: Cache,
        access: AccessService,
        albums: AlbumStore,
        store: InvitationStore,
        outbox: EventOutbox,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._database, self._cache, self._access = database, cache, access
        self._albums, self._store = albums, store
        self._outbox, self._cursors, self._clock = outbox, cursors, clock

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
        owned(await self._access.access(owner, album))
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
