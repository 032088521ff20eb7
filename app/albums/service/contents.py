"""The items of an album: each change also updates the album's item count, cover and items version."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.access.schema.keys import album_key, albums_of_item_key
from app.access.schema.values import AlbumRow
from app.access.store.albums import AlbumStore
from app.access.store.placements import PlacementStore
from app.albums.service.album_events import AlbumEvents
from app.items.schema.row import ItemRow, captured_key
from app.stores.aurora import AsyncConnection, Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ItemId


class AlbumContents:
    def __init__(
        self, database: Database, cache: Cache, albums: AlbumStore, store: PlacementStore, events: AlbumEvents
    ) -> None:
        self._database, self._cache = database, cache
        self._albums, self._store, self._events = albums, store, events

    async def settle(self, connection: AsyncConnection, album: AlbumRow) -> AlbumRow:
        """Write the locked album's count, version and cover after a change. An album that is not empty has a cover."""
        cover = album.cover_item_id
        if cover is None or not await self._store.is_placed_in(connection, album.id, cover):
            cover = await self._store.first(connection, album.id)
        values = {"item_count": album.item_count, "items_version": album.items_version, "cover_item_id": cover}
        await self._albums.change(connection, album, values, expected=None)
        return replace(album, cover_item_id=cover)

    async def take_out(self, unit: UnitOfWork, album: AlbumRow, items: Sequence[ItemId]) -> None:
        """Remove items of the locked album. The caller's transaction invalidates the keys of album and items."""
        await self._store.remove(unit.connection, album.id, items)
        changed = replace(album, item_count=album.item_count - len(items), items_version=album.items_version + 1)
        changed = await self.settle(unit.connection, changed)
        await self._events.publish_items(unit, EventType.ALBUM_ITEMS_REMOVED, changed, items)

    async def delete(self, _owner: AccountId, item: ItemId) -> None:
        """Remove the item from all albums before its purge. Idempotent."""
        for album in await self._albums_of([item]):
            async with self._cache.change(album_key(album), albums_of_item_key(item)) as unit:
                row = await self._albums.lock(unit.connection, album)
                if row and await self._store.is_placed_in(unit.connection, album, item):
                    await self.take_out(unit, row, [item])
                else:
                    await self._store.remove(unit.connection, album, [item])

    async def placed_anywhere(self, items: Sequence[ItemId]) -> list[ItemId]:
        """Return those of the items that were added to any album. Most items are in none."""
        async with self._database.writer.read() as connection:
            return await self._store.placed_anywhere(connection, items)

    async def note_captured(self, rows: Sequence[ItemRow]) -> None:
        """Move the items whose capture time has changed; the others keep their place."""
        by_item = {row.item_id: row for row in rows}
        for album in await self._albums_of(list(by_item)):
            async with self._cache.change(album_key(album)) as unit:
                await self._note_captured(unit.connection, album, by_item)

    async def _note_captured(self, connection: AsyncConnection, album: AlbumId, rows: Mapping[ItemId, ItemRow]) -> None:
        row = await self._albums.lock(connection, album)
        known = await self._store.captured_keys(connection, album, list(rows))
        moved = [rows[item] for item, key in known.items() if key != captured_key(rows[item])]
        if row is None or not moved:
            return
        await self._store.recapture(connection, album, row.item_order, moved)
        await self._albums.change(connection, row, {"items_version": row.items_version + 1}, expected=None)

    async def _albums_of(self, items: Sequence[ItemId]) -> list[AlbumId]:
        async with self._database.writer.read() as connection:
            return await self._store.albums_of(connection, items)
