"""Find an item of the account that has the same bytes."""

from app.items.schema.row import ItemRow
from app.items.store import ItemStore
from darkroom_shared.ids import AccountId
from darkroom_shared.items import ItemState

LIVE = frozenset({ItemState.QUEUED, ItemState.PROCESSING, ItemState.READY})
"""States in which an item with the same bytes counts as a duplicate."""


async def live_duplicate(store: ItemStore, account: AccountId, digest: str) -> ItemRow | None:
    """Return an item of the account with these bytes that is queued, in processing or ready; None if there is none."""
    for item in await store.with_digest(account, digest):
        row = await store.get(account, item)
        if row is not None and row.digest == digest and row.state in LIVE:
            return row
    return None
