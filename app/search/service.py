"""Searching own items: the index says where to look, the rows say what is there."""

from dataclasses import dataclass

from app.followers import SEARCH
from app.items.cursor import Cursors
from app.items.row import ItemRow
from app.items.service import ItemService
from app.items.store import Position
from app.search.query import Query, Wish, fits, query
from app.search.store import SearchStore
from shared.ids import AccountId

MOST_LOOKS = 5
"""How far one request looks for the next item; beyond, the page is short and its cursor goes on."""


@dataclass(frozen=True, slots=True)
class Found:
    """Newest capture first. `applied`: every event up to this number has been taken into account."""

    rows: list[ItemRow]
    next_cursor: str | None
    applied: int


class SearchService:
    def __init__(self, items: ItemService, store: SearchStore, cursors: Cursors) -> None:
        self._items, self._store, self._cursors = items, store, cursors

    async def search(self, account: AccountId, wish: Wish, cursor: str | None, limit: int) -> Found:
        """Raises Invalid for a cursor of another account or search, and for too many words."""
        before = self._cursors.read(account, wish.order, cursor).captured_key if cursor else None
        titles = await self._store.titles(account) if wish.text else {}
        asked = query(wish, titles)
        if asked is None:
            return Found([], None, await self._store.applied(account, SEARCH))
        return await self._look(account, wish, asked, before, limit)

    async def _look(self, account: AccountId, wish: Wish, asked: Query, before: str | None, limit: int) -> Found:
        rows: list[ItemRow] = []
        applied: int | None = None
        for _ in range(MOST_LOOKS):
            found = await self._store.candidates(account, SEARCH, asked, before, limit - len(rows))
            applied = found.applied if applied is None else applied
            own = await self._items.get_many(account, found.items)
            rows += [own[item] for item in found.items if item in own and fits(own[item], wish, asked)]
            before = found.go_on
            if before is None or len(rows) == limit:
                break
        following = self._cursors.write(account, wish.order, Position("", before)) if before else None
        return Found(rows, following, applied or 0)
