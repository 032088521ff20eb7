"""All share links of one album, for the services that change the album."""

from app.access.schema.values import AlbumRow
from app.events.service.outbox import EventOutbox
from app.share_links.service.share_links import share_event, visitor_keys
from app.share_links.store.links import ShareLinkStore
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.events import EventType


class AlbumLinks:
    """Revokes links in the transaction of another capability's change."""

    def __init__(self, store: ShareLinkStore, outbox: EventOutbox) -> None:
        self._store, self._outbox = store, outbox

    async def revoke_all(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """Revoke all links of the locked album; publish each of them to the owner."""
        for link in await self._store.remove_all(unit.connection, album.id):
            unit.invalidate(*visitor_keys(link))
            event = share_event(EventType.SHARE_REVOKED, link)
            await self._outbox.publish(unit, [album.owner_id], event, f"share.revoked:{link.id}")
