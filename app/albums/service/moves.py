"""The manual order of an album: moving items before or after another one."""

from collections.abc import Sequence

from app.access.schema import positions
from app.access.service.album_changes import AlbumChanges
from app.access.store.order import OrderStore
from app.albums.service.album_events import AlbumEvents
from app.albums.service.contents import AlbumContents
from app.albums.service.rights import require_owner
from app.events.service.requests import RelationalRequests
from app.request_key import RequestKey
from app.stores.aurora import AsyncConnection
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.albums import MoveItems
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, AlbumId, ItemId
from darkroom_shared.problems import Invalid

WIDENING = (0, 100, 1_000)
"""Neighbours on that side that a move may shift to make room; if that fails, the whole album is renumbered."""


class MoveService:
    """Moves items in an album's manual order."""

    def __init__(
        self,
        *,
        cache: Cache,
        changes: AlbumChanges,
        contents: AlbumContents,
        store: OrderStore,
        events: AlbumEvents,
        completed_requests: RelationalRequests,
    ) -> None:
        self._cache, self._changes, self._contents, self._store = cache, changes, contents, store
        self._events, self._completed_requests = events, completed_requests

    async def move(self, owner: AccountId, album: AlbumId, body: MoveItems, request: RequestKey | None) -> None:
        """Change the manual order, which is visible while the album's `order` is `manual`.

        Raises NotFound, Forbidden for all but the owner, Invalid for an item that is not in the album,
        IdempotencyMismatch.
        """
        await retry_on_conflict(lambda: self._move(owner, album, body, request))

    async def _move(self, owner: AccountId, album: AlbumId, body: MoveItems, request: RequestKey | None) -> None:
        items = list(dict.fromkeys(body.ids))
        async with self._cache.change() as unit:
            row = require_owner(await self._changes.access(unit, album, owner))
            if await self._completed_requests.earlier(unit.connection, owner, request):
                return
            await self._completed_requests.note(unit.connection, owner, request, album, 204)
            await self._require_present(unit, album, [*items, *filter(None, [body.before, body.after])])
            await self._store.place(unit.connection, album, await self._places(unit.connection, album, items, body))
            changed = await self._contents.raise_version(unit, row)
            await self._events.publish(unit, EventType.ALBUM_UPDATED, changed, f"items:{changed.items_version}")

    async def _require_present(self, unit: UnitOfWork, album: AlbumId, items: Sequence[ItemId]) -> None:
        present = await self._contents.present(unit, album, items)
        if not present.keys() >= set(items):
            raise Invalid(errors=[{"field": "ids", "message": "names an item that is not in this album"}])

    async def _places(
        self, connection: AsyncConnection, album: AlbumId, items: list[ItemId], body: MoveItems
    ) -> dict[str, int]:
        """Return the new positions of the items, and of the neighbours that are shifted."""
        for neighbours in WIDENING:
            if places := await self._fitted(connection, album, items, body, neighbours):
                return places
        await self._store.renumber(connection, album)
        return await self._fitted(connection, album, items, body, 0) or {}

    async def _fitted(
        self, connection: AsyncConnection, album: AlbumId, items: list[ItemId], body: MoveItems, neighbours: int
    ) -> dict[str, int] | None:
        """Return None if a shift of that many neighbours does not make enough room."""
        gap = await self._store.gap(connection, album, body.before, body.after, set(items), neighbours)
        if body.after:
            return positions.spread([*items, *gap.shifted], gap.near, gap.far)
        return positions.spread([*gap.shifted, *items], gap.far, gap.near)
