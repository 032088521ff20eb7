"""Reads of items: get, list, read the receipt."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.items.schema.row import ItemRow, captured_key
from app.items.store import ItemStore
from app.pagination import Cursors, Position
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemState, Receipt

CAPTURED = "captured"
VIEWABLE = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY})
"""States in which other viewers can see an item, provided it has a result."""
HAVE_ORIGINAL = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY, ItemState.FAILED})
MAX_PAGES = 50
"""Maximum number of queries per request. Beyond it the page is short and its cursor continues."""
ROWS_PER_PAGE = 200
"""Page size for deleted items, which are rare and stored among all the others."""


@dataclass(frozen=True, slots=True)
class Listed:
    """`next_cursor` is None on the last page."""

    rows: list[ItemRow]
    next_cursor: str | None


class ItemService:
    """Reads items. Methods that take a row expect that the caller's access to it was checked."""

    def __init__(self, *, store: ItemStore, cursors: Cursors) -> None:
        self._store, self._cursors = store, cursors

    async def get(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """Return the item, or None if it is absent, deleted, or another account's."""
        row = await self._store.get(account, item)
        return None if row is None or row.state is ItemState.DELETED else row

    async def get_many(self, account: AccountId, items: Sequence[ItemId]) -> dict[ItemId, ItemRow]:
        """Return those items that `get` would return, in their current state."""
        rows = await self._store.get_many([(account, item) for item in items])
        return {row.item_id: row for row in rows if is_visible(row)}

    async def get_of_any(self, items: Sequence[tuple[AccountId, ItemId]]) -> dict[ItemId, ItemRow]:
        """Return items like `get_many`, but of any account."""
        return {row.item_id: row for row in await self._store.get_many(items) if is_visible(row)}

    async def list(
        self, account: AccountId, *, order: str, cursor: str | None, limit: int, deleted: bool = False
    ) -> Listed:
        """List items, newest first; with `deleted`, those that can be restored. Raises Invalid for a cursor of
        another account or list."""
        captured, kind = order == CAPTURED, f"{order}, deleted" if deleted else order
        belongs = _is_restorable if deleted else is_visible
        position = self._cursors.read(account, kind, cursor) if cursor else None
        rows: list[ItemRow] = []
        for _ in range(MAX_PAGES):
            row_limit = ROWS_PER_PAGE if deleted else limit - len(rows)
            page, more = await self._store.page(account, captured=captured, after=position, limit=row_limit)
            for examined, row in enumerate(page, start=1):
                position = _position(row)
                rows += [row] if belongs(row) else []
                if len(rows) == limit:
                    more = more or examined < len(page)
                    break
            if not more:
                return Listed(rows, None)
            if len(rows) == limit:
                break
        return Listed(rows, self._cursors.write(account, kind, position) if position else None)

    async def receipt(self, row: ItemRow) -> Receipt:
        """Return all steps in the order in which they were written."""
        return Receipt(steps=tuple(await self._store.receipt(row.item_id)))


def is_viewable(row: ItemRow) -> bool:
    """Return whether viewers other than the owner can see the item."""
    return row.state in VIEWABLE and row.result is not None


def is_visible(row: ItemRow) -> bool:
    """Return whether the item is not deleted."""
    return row.state is not ItemState.DELETED


def _is_restorable(row: ItemRow) -> bool:
    return row.state is ItemState.DELETED and row.purge is None


def _position(row: ItemRow) -> Position:
    return Position(row.item_id, captured_key(row))
