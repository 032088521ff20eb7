"""The search index as a projection of the event log: events name the items, and entries come from the items' rows."""

from collections.abc import Sequence

from app.events.schema.values import Step, nothing
from app.items.schema.row import ItemRow
from app.items.service.rows import ItemRows
from app.pagination import Position
from app.projections import SEARCH
from app.search.schema.entries import Entry, entry
from app.search.store.index import IndexStore
from app.stores.aurora import AsyncConnection
from darkroom_shared.events import Event
from darkroom_shared.ids import AccountId, ItemId

PAGE_ITEMS = 100
NEW_ACCOUNTS = 200


class SearchIndex:
    """Keeps the search index up to date with the event logs."""

    def __init__(self, items: ItemRows, index: IndexStore) -> None:
        self._items, self._index = items, index

    @property
    def name(self) -> str:
        return SEARCH

    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        """Read the current rows of the items that the events name. A deleted item's entry is removed."""
        named = {ItemId(event.subject) for event in events if event.type.startswith("item.")}
        if not named:
            return nothing
        rows = await self._items.get_many([(account, item) for item in sorted(named)])
        entries = dict.fromkeys(named) | _entries(rows)

        async def put(connection: AsyncConnection) -> None:
            await self._index.put(connection, account, entries)

        return put

    async def read_page(self, account: AccountId, after: str | None) -> tuple[Step, str | None]:
        """Read a page of items, newest first; the step replaces the index's entries in that range."""
        position = Position(after) if after else None
        rows, more = await self._items.page(account, captured=False, after=position, limit=PAGE_ITEMS)
        lowest = rows[-1].item_id if more and rows else None

        async def replace(connection: AsyncConnection) -> None:
            await self._index.replace(connection, account, _entries(rows), after, lowest)

        return replace, lowest

    async def new_accounts(self) -> Sequence[AccountId]:
        """Return a bounded number of accounts without a cursor."""
        return await self._index.without_cursor(SEARCH, NEW_ACCOUNTS)


def _entries(rows: Sequence[ItemRow]) -> dict[ItemId, Entry | None]:
    return {row.item_id: entry(row) for row in rows}
