"""The items of an album: add own items, remove items."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.access.schema import positions
from app.access.schema.keys import album_key, albums_of_item_key
from app.access.schema.values import AlbumRow
from app.access.store.albums import AlbumStore
from app.access.store.placements import PlacementStore, position_of
from app.albums.service.album_events import AlbumEvents
from app.albums.service.contents import AlbumContents
from app.albums.service.rights import contributed
from app.events.service.requests import RelationalRequests
from app.items.schema.row import ItemRow, captured_key
from app.items.service.items import ItemService
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import MAX_ITEMS, AlbumOrder, Role
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ItemId
from darkroom_shared.problems import Full
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """The requested items, split into those that were added or removed and those that could not be."""

    done: tuple[ItemId, ...]
    absent: tuple[ItemId, ...]


class PlacementService:
    def __init__(
        self,
        *,
        cache: Cache,
        albums: AlbumStore,
        store: PlacementStore,
        contents: AlbumContents,
        items: ItemService,
        events: AlbumEvents,
        completed_requests: RelationalRequests,
        clock: Clock,
    ) -> None:
        self._cache, self._albums, self._store, self._contents = cache, albums, store, contents
        self._items, self._events, self._completed_requests, self._clock = items, events, completed_requests, clock

    async def add(
        self, account: AccountId, album: AlbumId, items: Sequence[ItemId], request: RequestKey | None
    ) -> PlacementResult:
        """Add own items that are not deleted; an item that is already in the album keeps its place.

        Raises NotFound, Forbidden for viewers, Full, IdempotencyMismatch.
        """
        requested = list(dict.fromkeys(items))
        rows = await self._items.get_many(account, requested)
        own = [rows[item] for item in requested if item in rows]
        await retry_on_conflict(lambda: self._add(account, album, own, request))
        return _split(requested, rows)

    async def _add(
        self, account: AccountId, album: AlbumId, rows: Sequence[ItemRow], request: RequestKey | None
    ) -> None:
        items = [row.item_id for row in rows]
        async with self._cache.change(album_key(album), *map(albums_of_item_key, items)) as unit:
            row = contributed(await self._albums.access(unit.connection, album, account))
            if await self._completed_requests.earlier(unit.connection, account, request):
                return
            await self._completed_requests.note(unit.connection, account, request, album, 200)
            present = await self._store.present(unit.connection, album, items)
            if row.originals_allowed and await self._store.allow_originals(unit.connection, album, present):
                row = replace(row, items_version=row.items_version + 1)  # cached pages include `original_allowed`
                await self._albums.change(unit.connection, row, {"items_version": row.items_version}, expected=None)
            if missing := [each for each in rows if each.item_id not in present]:
                await self._place(unit, row, missing)

    async def _place(self, unit: UnitOfWork, album: AlbumRow, rows: Sequence[ItemRow]) -> None:
        if album.item_count + len(rows) > MAX_ITEMS:
            raise Full(f"An album holds {MAX_ITEMS:,} items.")
        items = [row.item_id for row in rows]
        changed = replace(album, item_count=album.item_count + len(rows), items_version=album.items_version + 1)
        # A member who left and came back before the purge may still have placements of these items.
        await self._store.remove(unit.connection, album.id, items)
        manual = album.item_order is AlbumOrder.MANUAL
        last = await self._store.last_position(unit.connection, album.id) if manual else None
        await self._store.add(unit.connection, _placements(changed, rows, last, self._clock()))
        changed = await self._contents.settle(unit.connection, changed)
        await self._events.publish_items(unit, EventType.ALBUM_ITEMS_ADDED, changed, items)

    async def remove(
        self, account: AccountId, album: AlbumId, items: Sequence[ItemId], request: RequestKey | None
    ) -> PlacementResult:
        """Remove items from the album: its owner any, a contributor own ones. The items themselves stay. Idempotent.

        Raises NotFound, Forbidden for viewers, IdempotencyMismatch.
        """
        requested = list(dict.fromkeys(items))
        return _split(requested, await retry_on_conflict(lambda: self._remove(account, album, requested, request)))

    async def _remove(
        self, account: AccountId, album: AlbumId, items: Sequence[ItemId], request: RequestKey | None
    ) -> Iterable[ItemId]:
        async with self._cache.change(album_key(album), *map(albums_of_item_key, items)) as unit:
            access = await self._albums.access(unit.connection, album, account)
            row = contributed(access)
            if await self._completed_requests.earlier(unit.connection, account, request):
                return items
            await self._completed_requests.note(unit.connection, account, request, album, 200)
            present = await self._store.present(unit.connection, album, items)
            any_of_them = access is not None and access.role is Role.OWNER
            leaving = [item for item in items if item in present and (any_of_them or present[item] == account)]
            if leaving:
                await self._contents.take_out(unit, row, leaving)
            return leaving


def _placements(album: AlbumRow, rows: Sequence[ItemRow], last: int | None, now: object) -> list[dict[str, object]]:
    """In a manual order new items come last; in other albums the position follows the capture time."""
    by_hand = positions.between(last, None, len(rows)) if album.item_order is AlbumOrder.MANUAL else None
    return [
        {
            "album_id": album.id,
            "item_id": row.item_id,
            "owner_id": row.account_id,
            "captured_key": captured_key(row),
            "position": by_hand[place] if by_hand else position_of(row),
            "added_at": now,
            "added_version": album.items_version,
            "original_allowed": album.originals_allowed,
        }
        for place, row in enumerate(rows)
    ]


def _split(requested: Iterable[ItemId], done: Iterable[ItemId]) -> PlacementResult:
    completed = set(done)
    return PlacementResult(
        tuple(item for item in requested if item in completed),
        tuple(item for item in requested if item not in completed),
    )
