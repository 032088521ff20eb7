"""The order made by hand: putting items before or after another one."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from app.albums import positions
from app.albums.news import AlbumNews
from app.albums.order_store import OrderStore
from app.albums.placement_store import PlacementStore
from app.albums.repeated import twice_if_beaten
from app.albums.rights import owned
from app.albums.store import AlbumStore
from app.events.requests import RelationalRequests, RequestKey
from app.sharing.keys import album_key
from app.stores.cache.cache import Cache
from shared.albums import MoveItems
from shared.events import EventType
from shared.ids import AccountId, AlbumId, ItemId
from shared.problems import Invalid

WIDENING = (0, 100, 1_000)
"""How many neighbours on that side a move may shift to make room; beyond, the whole album gets new positions."""


class MoveService:
    def __init__(
        self,
        cache: Cache,
        albums: AlbumStore,
        placements: PlacementStore,
        store: OrderStore,
        news: AlbumNews,
        answered: RelationalRequests,
    ) -> None:
        self._cache, self._albums, self._placements, self._store = cache, albums, placements, store
        self._news, self._answered = news, answered

    async def move(self, owner: AccountId, album: AlbumId, wish: MoveItems, request: RequestKey | None) -> None:
        """What is done by hand shows where the album's order is `manual`.

        Raises NotFound, Forbidden for all but the owner, Invalid for what does not lie there, IdempotencyMismatch.
        """
        await twice_if_beaten(lambda: self._move(owner, album, wish, request))

    async def _move(self, owner: AccountId, album: AlbumId, wish: MoveItems, request: RequestKey | None) -> None:
        items = list(dict.fromkeys(wish.ids))
        async with self._cache.change(album_key(album)) as connection:
            row = owned(await self._albums.standing(connection, album, owner))
            if await self._answered.earlier(connection, owner, request):
                return
            await self._answered.note(connection, owner, request, album, 204)
            await self._require_there(connection, album, [*items, *filter(None, [wish.before, wish.after])])
            await self._store.place(connection, album, await self._places(connection, album, items, wish))
            changed = replace(row, items_version=row.items_version + 1)
            await self._albums.change(connection, row, {"items_version": changed.items_version}, expected=None)
            await self._news.tell(connection, EventType.ALBUM_UPDATED, changed, f"items:{changed.items_version}")

    async def _require_there(self, connection: AsyncConnection, album: AlbumId, items: Sequence[ItemId]) -> None:
        present = await self._placements.present(connection, album, items)
        if not present.keys() >= set(items):
            raise Invalid(errors=[{"field": "ids", "message": "names an item that does not lie in this album"}])

    async def _places(
        self, connection: AsyncConnection, album: AlbumId, items: list[ItemId], wish: MoveItems
    ) -> dict[str, int]:
        """Where the items go, and whoever must make room for them."""
        for neighbours in WIDENING:
            if places := await self._fitted(connection, album, items, wish, neighbours):
                return places
        await self._store.renumber(connection, album)
        return await self._fitted(connection, album, items, wish, 0) or {}

    async def _fitted(
        self, connection: AsyncConnection, album: AlbumId, items: list[ItemId], wish: MoveItems, neighbours: int
    ) -> dict[str, int] | None:
        """None when that many neighbours cannot make room."""
        room = await self._store.room(connection, album, wish.before, wish.after, set(items), neighbours)
        if wish.after:
            return positions.spread([*items, *room.shifted], room.near, room.far)
        return positions.spread([*room.shifted, *items], room.far, room.near)
