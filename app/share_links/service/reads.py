"""Share links as their album's owner reads them."""

from app.access.service.access import AccessService
from app.albums.service.rights import require_owner
from app.share_links.schema.links import ShareRow
from app.share_links.store.links import ShareLinkStore
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId, AlbumId, ShareId
from darkroom_shared.problems import NotFound


class ShareReads:
    """An album's links, for its owner.

    Raises NotFound for accounts that are not members of the album, Forbidden for other members than the owner.
    """

    def __init__(self, *, database: Database, access: AccessService, store: ShareLinkStore) -> None:
        self._database, self._access, self._store = database, access, store

    async def list(self, owner: AccountId, album: AlbumId) -> list[ShareRow]:
        """Return all links, including expired ones."""
        require_owner(await self._access.access(owner, album))
        async with self._database.writer.read() as connection:
            return await self._store.list(connection, album)

    async def require(self, owner: AccountId, album: AlbumId, share: ShareId) -> ShareRow:
        """Return one link. Raises NotFound also if the album has no such link."""
        require_owner(await self._access.access(owner, album))
        async with self._database.writer.read() as connection:
            return require_share(await self._store.get(connection, album, share))


def require_share(row: ShareRow | None) -> ShareRow:
    if row is None:
        raise NotFound
    return row
