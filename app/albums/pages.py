"""What an album shows to whom, page by page, in the time of one page however much lies in it."""

from dataclasses import dataclass

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums.placement_store import PlacementStore
from app.albums.values import Placed, PlacedPage
from app.cached import ALBUM_PAGE
from app.items.cursor import Cursors
from app.items.row import ItemRow
from app.items.service import ItemService, is_viewable
from app.items.store import Position
from app.sharing.access import gives_original
from app.sharing.values import AlbumRow
from app.stores.cache.cache import Behind, Cache
from app.viewer import Member, Viewer

MOST_LOOKS = 10
"""How many pages of placements one request looks through for what can be shown; beyond, its page is short."""

_PAGE = ALBUM_PAGE.holds(TypeAdapter(PlacedPage))


@dataclass(frozen=True, slots=True)
class ShownItem:
    """`foreign` is who looks, unless it is the item's owner."""

    row: ItemRow
    placed: Placed
    foreign: Viewer | None
    original: bool


@dataclass(frozen=True, slots=True)
class ShownPage:
    items: list[ShownItem]
    next_cursor: str | None


class AlbumPages:
    def __init__(self, cache: Cache, store: PlacementStore, items: ItemService, cursors: Cursors) -> None:
        self._cache, self._store, self._items, self._cursors = cache, store, items, cursors

    async def page(self, album: AlbumRow, viewer: Viewer, cursor: str | None, limit: int) -> ShownPage:
        """What whoever may see the album sees of it: nothing that is deleted, of foreign items only what can be seen.

        Raises Invalid for a cursor of another reader, album or order.
        """
        kind = f"{album.id} {album.item_order}"
        after = self._cursors.read(viewer.name, kind, cursor) if cursor else None
        shown: list[ShownItem] = []
        for _ in range(MOST_LOOKS):
            page = await self._placed(album, after, limit)
            for looked_at, item in enumerate(await self._visible(album, viewer, page), start=1):
                placed = page.placed[looked_at - 1]
                after = Position(placed.item_id, placed.place)
                shown += [item] if item else []
                if len(shown) == limit:
                    more = page.more or looked_at < len(page.placed)
                    return ShownPage(shown, self._cursors.write(viewer.name, kind, after) if more else None)
            if not page.more:
                return ShownPage(shown, None)
        return ShownPage(shown, self._cursors.write(viewer.name, kind, after) if after else None)

    async def _placed(self, album: AlbumRow, after: Position | None, limit: int) -> PlacedPage:
        place = (after.captured_key or "", after.item_id) if after else None

        async def load(connection: AsyncConnection) -> PlacedPage:
            if (await self._store.items_version(connection, album.id) or 0) < album.items_version:
                raise Behind
            return await self._store.page(connection, album.id, album.item_order, place, limit)

        parts = (album.id, str(album.items_version), album.item_order.value, str(limit), *(place or ()))
        return await self._cache.get(_PAGE.key(*parts), load)

    async def _visible(self, album: AlbumRow, viewer: Viewer, page: PlacedPage) -> list[ShownItem | None]:
        """For each of the page what is to be shown of it."""
        rows = await self._items.get_of_any([(each.placement.owner_id, each.item_id) for each in page.placed])
        return [_shown(album, viewer, each, rows.get(each.item_id)) for each in page.placed]


def _shown(album: AlbumRow, viewer: Viewer, placed: Placed, row: ItemRow | None) -> ShownItem | None:
    if row is None:
        return None
    if isinstance(viewer, Member) and viewer.account_id == placed.placement.owner_id:
        return ShownItem(row, placed, None, original=True)
    if not is_viewable(row):
        return None
    return ShownItem(row, placed, viewer, gives_original(album, placed.placement, viewer))
