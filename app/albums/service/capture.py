"""The albums' projection of the event log: moves an item within its albums when its capture time has changed."""

from collections.abc import Sequence

from app.albums.service.contents import AlbumContents
from app.events.schema.values import Step, nothing
from app.items.service.rows import ItemRows
from app.pagination import Position
from app.projections import ALBUMS
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId, ItemId

PAGE_ITEMS = 100
_MAY_CHANGE_CAPTURE_TIME = frozenset(
    {EventType.ITEM_UPDATED, EventType.ITEM_PLAYABLE, EventType.ITEM_READY, EventType.ITEM_FAILED}
)
"""Events that may change an item's capture time."""


class CaptureProjection:
    """Writes in its own transactions, because they invalidate albums' cache keys. Applying an event is idempotent."""

    def __init__(self, items: ItemRows, contents: AlbumContents) -> None:
        self._items, self._contents = items, contents

    @property
    def name(self) -> str:
        return ALBUMS

    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        """Update the placements at once; the returned step does nothing."""
        named = {ItemId(event.subject) for event in events if event.type in _MAY_CHANGE_CAPTURE_TIME}
        await self._note(account, sorted(named))
        return nothing

    async def read_page(self, account: AccountId, after: str | None) -> tuple[Step, str | None]:
        """Update the placements of a page of items at once; the returned step does nothing."""
        position = Position(after) if after else None
        rows, more = await self._items.page(account, captured=False, after=position, limit=PAGE_ITEMS)
        await self._note(account, [row.item_id for row in rows])
        return nothing, rows[-1].item_id if more and rows else None

    async def _note(self, account: AccountId, items: Sequence[ItemId]) -> None:
        if items and (placed := await self._contents.placed_anywhere(items)):
            await self._contents.record_captured(await self._items.get_many([(account, item) for item in placed]))

    async def new_accounts(self) -> Sequence[AccountId]:
        """Return none: without an event, an account has no placement to correct."""
        return ()
