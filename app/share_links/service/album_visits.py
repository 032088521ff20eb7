"""A shared album as the visitor of its link sees it: the album and its items."""

from app.access.schema.values import AlbumRow
from app.access.service.access import AccessService
from app.accounts.service.accounts import AccountService
from app.albums.service.pages import AlbumPages, VisiblePage
from app.identity import ShareVisitor
from app.share_links.service.open_links import OpenLinks
from darkroom_shared.problems import NotFound
from darkroom_shared.sharing import SharedAlbum


class AlbumVisits:
    """The album of a link, as its visitor sees it.

    Raises NotFound if the album was deleted or its owner's account was closed: links end with them.
    """

    def __init__(self, *, links: OpenLinks, access: AccessService, pages: AlbumPages, accounts: AccountService) -> None:
        self._links, self._access, self._pages, self._accounts = links, access, pages, accounts

    async def album(self, visitor: ShareVisitor) -> SharedAlbum:
        """Return what a visitor may know of the album: neither its id nor its members. Raises NotFound."""
        album, owner_name = await self._require(visitor)
        link = await self._links.require(visitor.share_id)
        return SharedAlbum(
            title=album.title,
            description=album.description,
            owner_name=owner_name,
            item_count=album.item_count,
            download_allowed=link.download_allowed,
            expires_at=link.expires_at,
        )

    async def page(self, visitor: ShareVisitor, cursor: str | None, limit: int) -> VisiblePage:
        """Return a page of the album's items. Raises Invalid for a cursor of another link or order."""
        album, _ = await self._require(visitor)
        return await self._pages.page(album, visitor, cursor, limit)

    async def _require(self, visitor: ShareVisitor) -> tuple[AlbumRow, str]:
        """Return the album and its owner's name. Raises NotFound, also if the owner has just closed the account."""
        album = await self._access.album(visitor.album_id)
        if album is None:
            raise NotFound
        names = await self._accounts.names([album.owner_id])
        if album.owner_id not in names:
            raise NotFound
        return album, names[album.owner_id]
