"""List everything that an account has, for exports."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow, to_item
from app.items.service.items import HAVE_ORIGINAL
from app.items.store import ItemStore
from darkroom_shared.ids import AccountId
from darkroom_shared.items import Item, ItemState


@dataclass(frozen=True, slots=True)
class InventoryEntry:
    """An item in its wire form, and the S3 key of its original if it should have one."""

    item: Item
    original_key: str | None


class Inventory:
    """Lists all items of an account for an export."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store

    async def of(self, account: AccountId) -> AsyncIterator[InventoryEntry]:
        """Yield every item that is not deleted, newest first. Items added meanwhile may be left out."""
        async for page in self._store.pages_of(account):
            for row in page:
                if row.state is not ItemState.DELETED:
                    yield _entry(row)


def _entry(row: ItemRow) -> InventoryEntry:
    key = original_key(row.account_id, row.item_id) if row.state in HAVE_ORIGINAL else None
    return InventoryEntry(to_item(row), key)
