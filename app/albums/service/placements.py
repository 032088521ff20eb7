"""The items of an album: add own items, remove items."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.access.service.album_changes import AlbumChanges
from app.albums.service.contents import AlbumContents
from app.albums.service.rights import require_contributor
from app.events.service.requests import RelationalRequests
from app.items.schema.row import ItemRow
from app.items.service.items import ItemService
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import Role
from darkroom_shared.ids import AccountId, AlbumId, ItemId


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """The requested items, split into those that were added or removed and those that could not be."""

    done: tuple[ItemId, ...]
    absent: tuple[ItemId, ...]


class PlacementService:
    """Adds items to albums and removes them. Each change commits before its method returns."""

    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        contents: AlbumContents,
        items: ItemService,
        completed_requests: RelationalRequests,
    ) -> None:
        self._cache, self._changes, self._contents = cache, changes, contents
        self._items, self._completed_requests = items, completed_requests

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
        async with self._cache.change() as unit:
            row = require_contributor(await self._changes.access(unit, album, account))
            if await self._completed_requests.earlier(unit.connection, account, request):
                return
            await self._completed_requests.note(unit.connection, account, request, album, 200)
            present = await self._contents.present(unit, album, items)
            if row.originals_allowed:
                row = await self._contents.allow_originals(unit, row, present)
            if missing := [each for each in rows if each.item_id not in present]:
                await self._contents.place(unit, row, missing)

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
        async with self._cache.change() as unit:
            access = await self._changes.access(unit, album, account)
            row = require_contributor(access)
            if await self._completed_requests.earlier(unit.connection, account, request):
                return items
            await self._completed_requests.note(unit.connection, account, request, album, 200)
            present = await self._contents.present(unit, album, items)
            any_of_them = access is not None and access.role is Role.OWNER
            leaving = [item for item in items if item in present and (any_of_them or present[item] == account)]
            if leaving:
                await self._contents.remove(unit, row, leaving)
            return leaving


def _split(requested: Iterable[ItemId], done: Iterable[ItemId]) -> PlacementResult:
    completed = set(done)
    return PlacementResult(
        tuple(item for item in requested if item in completed),
        tuple(item for item in requested if item not in completed),
    )
