"""Access to an album for people who are not members: share links and open invitations."""

from typing import Protocol

from app.access.schema.values import AlbumRow
from app.albums.store.invitations import InvitationStore
from app.stores.cache.changes import UnitOfWork


class Links(Protocol):
    """The album's share links, which a capability above this one owns."""

    async def revoke_all(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """Revoke all links of the locked album in the caller's transaction."""
        ...


class OpenAccess:
    """An album's links and open invitations, by which further people could get access."""

    def __init__(self, *, links: Links, invitations: InvitationStore) -> None:
        self._links, self._invitations = links, invitations

    async def end(self, unit: UnitOfWork, album: AlbumRow) -> None:
        """End all links and open invitations of the locked album."""
        await self._invitations.revoke_all(unit.connection, album.id)
        await self._links.revoke_all(unit, album)
