"""Invitations, for the album's owner: a link that one account can use once, within seven days; its label grants
nothing."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.access.service.album_changes import AlbumChanges
from app.accounts.service import tokens
from app.albums.schema.values import InvitationRow
from app.albums.service.rights import require_owner
from app.albums.store.invitations import InvitationStore
from app.events.service.log import NewEvent
from app.events.service.outbox import EventOutbox
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


class InvitationService:
    """Invitations of an album, which only its owner creates and revokes. Only the token's hash is stored."""

    def __init__(
        self, *, cache: Cache, changes: AlbumChanges, store: InvitationStore, outbox: EventOutbox, clock: Clock
    ) -> None:
        self._cache, self._changes, self._store = cache, changes, store
        self._outbox, self._clock = outbox, clock

    async def create(self, owner: AccountId, album: AlbumId, body: CreateInvitation) -> Invited:
        """Create an invitation; its token cannot be read again.

        Raises NotFound, Forbidden for all but the owner, Full if the album has MAX_OPEN open ones.
        """
        now, token = self._clock(), tokens.new_token(PREFIX)
        new = InvitationRow(new_invitation_id(), album, body.role, body.label, now, now + LIFETIME)
        async with self._cache.change() as unit:
            require_owner(await self._changes.access(unit, album, owner))
            if await self._store.count(unit.connection, album, now) >= MAX_OPEN:
                raise Full(f"An album has {MAX_OPEN} open invitations at most.")
            await self._store.add(unit.connection, new, tokens.hash_of(token))
            data = new.to_wire().model_dump(mode="json") | {"album_id": album}
            event = NewEvent(EventType.INVITATION_CREATED, new.id, data)
            await self._outbox.publish(unit, [owner], event, f"{new.id}:created")
        log.info("invitation.created", account=owner, album=album, invitation=new.id)
        return Invited(new, token)

    async def revoke(self, owner: AccountId, album: AlbumId, invitation: InvitationId) -> None:
        """Revoke an open invitation. Raises NotFound, also for a used invitation, and Forbidden."""
        async with self._cache.change() as unit:
            require_owner(await self._changes.access(unit, album, owner))
            if not await self._store.revoke(unit.connection, album, invitation):
                raise NotFound
        log.info("invitation.revoked", account=owner, album=album, invitation=invitation)
