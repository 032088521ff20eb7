"""Reading items' rows: what other capabilities have of the items' store, for projections of the log."""

from collections.abc import Sequence
from typing import Protocol

from app.items.schema.row import ItemRow
from app.pagination import Position
from darkroom_shared.ids import AccountId, ItemId


class ItemRows(Protocol):
    """Reads are consistent."""

    async def get_many(self, items: Sequence[tuple[AccountId, ItemId]]) -> list[ItemRow]:
        """Return the existing rows, in no particular order."""
        ...

    async def page(
        self, account: AccountId, *, captured: bool, after: Position | None, limit: int
    ) -> tuple[list[ItemRow], bool]:
        """Return rows, newest first, deleted ones included, and whether more follow."""
        ...
