"""Access to an album for people who are not members: share links and open invitations."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.schema.values import AlbumRow
from app.albums.store.invitations import InvitationStore
from app.events.service.outbox import EventOutbox
from app.share_links.service.share_links import share_event, visitor_keys
from app.share_links.store.links import ShareStore
from app.stores.cache.cache import Cache
from darkroom_shared.events import EventType


class OpenAccess:
    def __init__(self, cache: Cache, shares: ShareStore, invitations: InvitationStore, outbox: EventOutbox) -> None:
        self._cache, self._shares, self._invitations, self._outbox = cache, shares, invitations, outbox

    async def end(self, connection: AsyncConnection, album: AlbumRow) -> None:
        """End all links and open invitations of the locked album; publish each ended link to the owner.

        The caller's transaction invalidates the cache keys of the links.
        """
        await self._invitations.revoke_all(connection, album.id)
        for link in await self._shares.remove_all(connection, album.id):
            self._cache.invalidate(connection, *visitor_keys(link))
            event = share_event(EventType.SHARE_REVOKED, link)
            await self._outbox.publish(connection, [album.owner_id], event, f"share.revoked:{link.id}")
