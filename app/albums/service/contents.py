"""The items of an album: each change also updates the album's item count, cover and items version."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.access.schema import positions
from app.access.schema.keys import album_key, albums_of_item_key
from app.access.schema.values import AlbumRow
from app.access.service.album_changes import AlbumChanges
from app.access.store.placements import PlacementStore, position_of
from app.albums.service.album_events import AlbumEvents
from app.items.schema.row import ItemRow, captured_key
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.albums import MAX_ITEMS, AlbumOrder
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ItemId
from darkroom_shared.problems import Full
from darkroom_shared.times import Clock


class AlbumContents:
    """Maintains an album's count, version and cover when items enter, leave or change."""

    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        changes: AlbumChanges,
        store: PlacementStore,
        events: AlbumEvents,
        clock: Clock,
    ) -> None:
        self._database, self._cache, self._changes = database, cache, changes
        self._store, self._events, self._clock = store, events, clock

    async def settle(self, unit: UnitOfWork, album: AlbumRow, *, added: int) -> AlbumRow:
        """Write the locked album's count, version and cover after a change by `added` items, which may be negative. An
        album that is not empty has a cover."""
        changed = replace(album, item_count=album.item_count + added, items_version=album.items_version + 1)
        cover = album.cover_item_id
        if cover is None or not await self._store.is_placed_in(unit.connection, album.id, cover):
            cover = await self._store.first(unit.connection, album.id)
        values = {"item_count": changed.item_count, "items_version": changed.items_version, "cover_item_id": cover}
        await self._changes.change(unit, album, values)
        return replace(changed, cover_item_id=cover)

    async def raise_version(self, unit: UnitOfWork, album: AlbumRow) -> AlbumRow:
        """Make the cached pages of the locked album outdated."""
        changed = replace(album, items_version=album.items_version + 1)
        await self._changes.change(unit, album, {"items_version": changed.items_version})
        return changed

    async def present(self, unit: UnitOfWork, album: AlbumId, items: Iterable[ItemId]) -> dict[ItemId, AccountId]:
        """Return those of the items that are in the album, with their owners."""
        return await self._store.present(unit.connection, album, items)

    async def count_of(self, unit: UnitOfWork, album: AlbumId, owner: AccountId) -> int:
        """Return the number of this member's items in the album."""
        return await self._store.count_of(unit.connection, album, owner)

    async def place(self, unit: UnitOfWork, album: AlbumRow, rows: Sequence[ItemRow]) -> None:
        """Add items that are not in the locked album. Raises Full."""
        if album.item_count + len(rows) > MAX_ITEMS:
            raise Full(f"An album holds {MAX_ITEMS:,} items.")
        items = [row.item_id for row in rows]
        unit.invalidate(*map(albums_of_item_key, items))
        # A member who left and came back before the purge may still have placements of these items.
        await self._store.remove(unit.connection, album.id, items)
        manual = album.item_order is AlbumOrder.MANUAL
        last = await self._store.last_position(unit.connection, album.id) if manual else None
        await self._store.add(unit.connection, _placements(album, rows, last, self._clock()))
        changed = await self.settle(unit, album, added=len(rows))
        await self._events.publish_items(unit, EventType.ALBUM_ITEMS_ADDED, changed, items)

    async def allow_originals(self, unit: UnitOfWork, album: AlbumRow, items: Iterable[ItemId]) -> AlbumRow:
        """Allow the originals of items that are in the locked album; return the album as it is then."""
        named = list(items)
        unit.invalidate(*map(albums_of_item_key, named))
        if not await self._store.allow_originals(unit.connection, album.id, named):
            return album
        return await self.raise_version(unit, album)  # cached pages include `original_allowed`

    async def remove(self, unit: UnitOfWork, album: AlbumRow, items: Sequence[ItemId]) -> None:
        """Remove items that are in the locked album."""
        unit.invalidate(*map(albums_of_item_key, items))
        await self._store.remove(unit.connection, album.id, items)
        changed = await self.settle(unit, album, added=-len(items))
        await self._events.publish_items(unit, EventType.ALBUM_ITEMS_REMOVED, changed, items)

    async def delete(self, _owner: AccountId, item: ItemId) -> None:
        """Remove the item from all albums before its purge. Idempotent."""
        for album in await self._albums_of([item]):
            async with self._cache.change(album_key(album), albums_of_item_key(item)) as unit:
                row = await self._changes.lock(unit, album)
                if row and await self._store.is_placed_in(unit.connection, album, item):
                    await self.remove(unit, row, [item])
                else:
                    await self._store.remove(unit.connection, album, [item])

    async def placed_anywhere(self, items: Sequence[ItemId]) -> list[ItemId]:
        """Return those of the items that were added to any album. Most items are in none."""
        async with self._database.writer.read() as connection:
            return await self._store.placed_anywhere(connection, items)

    async def record_captured(self, rows: Sequence[ItemRow]) -> None:
        """Move the items whose capture time has changed; the others keep their place."""
        by_item = {row.item_id: row for row in rows}
        for album in await self._albums_of(list(by_item)):
            async with self._cache.change() as unit:
                await self._record_captured(unit, album, by_item)

    async def _record_captured(self, unit: UnitOfWork, album: AlbumId, rows: Mapping[ItemId, ItemRow]) -> None:
        row = await self._changes.lock(unit, album)
        known = await self._store.captured_keys(unit.connection, album, list(rows))
        recaptured = [rows[item] for item, key in known.items() if key != captured_key(rows[item])]
        if row is None or not recaptured:
            return
        await self._store.update_captured_keys(unit.connection, album, row.item_order, recaptured)
        await self.raise_version(unit, row)

    async def _albums_of(self, items: Sequence[ItemId]) -> list[AlbumId]:
        async with self._database.writer.read() as connection:
            return await self._store.albums_of(connection, items)


def _placements(album: AlbumRow, rows: Sequence[ItemRow], last: int | None, now: object) -> list[dict[str, object]]:
    """In a manual order new items come last; in other albums the position follows the capture time."""
    manual_positions = positions.between(last, None, len(rows)) if album.item_order is AlbumOrder.MANUAL else None
    return [
        {
            "album_id": album.id,
            "item_id": row.item_id,
            "owner_id": row.account_id,
            "captured_key": captured_key(row),
            "position": manual_positions[place] if manual_positions else position_of(row),
            "added_at": now,
            "added_version": album.items_version + 1,
            "original_allowed": album.originals_allowed,
        }
        for place, row in enumerate(rows)
    ]
