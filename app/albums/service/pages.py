"""Pages of an album as a viewer sees it; the cost of a page does not depend on the album's size."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from app.access.schema.values import AlbumRow, Placed, PlacedPage
from app.access.service.shared_items import allows_original
from app.access.store.placements import PlacementStore
from app.cached import ALBUM_PAGE
from app.identity import Member, Viewer
from app.items.schema.row import ItemRow
from app.items.service.items import ItemService, is_viewable
from app.pagination import Cursors, Position
from app.stores.aurora import AsyncConnection
from app.stores.cache.cache import Behind, Cache
from app.stores.cache.keys import Key
from darkroom_shared.albums import AlbumOrder
from darkroom_shared.ids import AlbumId

MAX_PAGES_READ = 10
"""Pages of placements that one request reads in search of visible items; after that, its page is short."""

_PAGE = ALBUM_PAGE.of_type(TypeAdapter(PlacedPage))


@dataclass(frozen=True, slots=True)
class VisibleItem:
    """`shared` is the viewer, or None for the item's owner."""

    row: ItemRow
    placed: Placed
    shared: Viewer | None
    original: bool


@dataclass(frozen=True, slots=True)
class VisiblePage:
    """A page may have fewer items than the limit, even none; `next_cursor` is None on the last page."""

    items: list[VisibleItem]
    next_cursor: str | None


class AlbumPages:
    """Pages of an album's items, for members and for visitors with a share link."""

    def __init__(self, *, cache: Cache, store: PlacementStore, items: ItemService, cursors: Cursors) -> None:
        self._cache, self._store, self._items, self._cursors = cache, store, items, cursors

    async def page(self, album: AlbumRow, viewer: Viewer, cursor: str | None, limit: int) -> VisiblePage:
        """Return the items that the viewer sees: none that are deleted, and other accounts' items only if viewable.

        Raises Invalid for a cursor of another viewer, album or order.
        """
        kind = f"{album.id} {album.item_order}"
        after = self._cursors.read(viewer.name, kind, cursor) if cursor else None
        visible_items: list[VisibleItem] = []
        for _ in range(MAX_PAGES_READ):
            page = await self._placed(album, after, limit)
            for examined, item in enumerate(await self._visible(album, viewer, page), start=1):
                placed = page.placed[examined - 1]
                after = Position(placed.item_id, placed.place)
                visible_items += [item] if item else []
                if len(visible_items) == limit:
                    more = page.more or examined < len(page.placed)
                    return VisiblePage(visible_items, self._cursors.write(viewer.name, kind, after) if more else None)
            if not page.more:
                return VisiblePage(visible_items, None)
        return VisiblePage(visible_items, self._cursors.write(viewer.name, kind, after) if after else None)

    async def _placed(self, album: AlbumRow, after: Position | None, limit: int) -> PlacedPage:
        place = (after.captured_key or "", after.item_id) if after else None
        key = _page_key(album.id, album.items_version, album.item_order, limit, place)

        async def load(connection: AsyncConnection) -> PlacedPage:
            if (await self._store.items_version(connection, album.id) or 0) < album.items_version:
                raise Behind
            return await self._store.page(connection, album.id, album.item_order, place, limit)

        return await self._cache.get(key, load)

    async def _visible(self, album: AlbumRow, viewer: Viewer, page: PlacedPage) -> list[VisibleItem | None]:
        """Return, for each placement of the page, the item as the viewer sees it, or None if it is not visible."""
        rows = await self._items.get_of_any([(each.placement.owner_id, each.item_id) for each in page.placed])
        return [_visible_item(album, viewer, each, rows.get(each.item_id)) for each in page.placed]


def _page_key(
    album: AlbumId, items_version: int, order: AlbumOrder, limit: int, place: tuple[str, str] | None
) -> Key[PlacedPage]:
    return _PAGE.key(album, str(items_version), order.value, str(limit), *(place or ()))


def _visible_item(album: AlbumRow, viewer: Viewer, placed: Placed, row: ItemRow | None) -> VisibleItem | None:
    if row is None:
        return None
    if isinstance(viewer, Member) and viewer.account_id == placed.placement.owner_id:
        return VisibleItem(row, placed, None, original=True)
    if not is_viewable(row):
        return None
    return VisibleItem(row, placed, viewer, allows_original(album, placed.placement, viewer))
