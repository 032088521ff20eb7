"""Search of own items: the index yields candidates, and the items' rows decide which of them match."""

from dataclasses import dataclass

from app.items.schema.row import ItemRow
from app.items.service.items import ItemService
from app.pagination import Cursors, Position
from app.projections import SEARCH
from app.search.schema.query import Query, SearchRequest, fits, query
from app.search.store.search import SearchStore
from darkroom_shared.ids import AccountId

MAX_QUERIES = 5
"""Index queries that one request makes; after that, the page is short and its cursor continues."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Newest capture first. The result includes all events up to the number `applied`."""

    rows: list[ItemRow]
    next_cursor: str | None
    applied: int


class SearchService:
    """Searches the index, and checks each match against the current row."""

    def __init__(self, items: ItemService, store: SearchStore, cursors: Cursors) -> None:
        self._items, self._store, self._cursors = items, store, cursors

    async def search(self, account: AccountId, request: SearchRequest, cursor: str | None, limit: int) -> SearchPage:
        """Return a page of the account's items that match the request.

        Raises Invalid for a cursor of another account or search, and for too many words.
        """
        before = self._cursors.read(account, request.order, cursor).captured_key if cursor else None
        titles = await self._store.titles(account) if request.text else {}
        parsed = query(request, titles)
        if parsed is None:
            return SearchPage([], None, await self._store.applied(account, SEARCH))
        return await self._scan(account, request, parsed, before, limit)

    async def _scan(
        self, account: AccountId, request: SearchRequest, parsed: Query, before: str | None, limit: int
    ) -> SearchPage:
        rows: list[ItemRow] = []
        applied: int | None = None
        for _ in range(MAX_QUERIES):
            candidates = await self._store.candidates(account, SEARCH, parsed, before, limit - len(rows))
            applied = candidates.applied if applied is None else applied
            own = await self._items.get_many(account, candidates.items)
            rows += [own[item] for item in candidates.items if item in own and fits(own[item], request, parsed)]
            before = candidates.resume
            if before is None or len(rows) == limit:
                break
        next_cursor = self._cursors.write(account, request.order, Position("", before)) if before else None
        return SearchPage(rows, next_cursor, applied or 0)
