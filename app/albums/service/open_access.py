"""Access to an album for people who are not members: share links and open invitations."""

from app.access.schema.values import AlbumRow
from app.albums.store.invitations import InvitationStore
from app.events.service.outbox import EventOutbox
from app.share_links.service.share_links import share_event, visitor_keys
from app.share_links.store.links import ShareStore
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.events import EventType


class OpenAccess:
    def __init__(self, shares: ShareStore, invitations: InvitationStore, outbox: EventOutbox) -> None:
        self._shares, self._invitations, self._outbox = shares, invitations, outbox

    async def end(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """End all links and open invitations of the locked album; publish each ended link to the owner.

        The caller's transaction invalidates the cache keys of the links.
        """
        await self._invitations.revoke_all(unit.connection, album.id)
        for link in await self._shares.remove_all(unit.connection, album.id):
            unit.invalidate(*visitor_keys(link))
            event = share_event(EventType.SHARE_REVOKED, link)
            await self._outbox.publish(unit, [album.owner_id], event, f"share.revoked:{link.id}")
