"""Erasing what an account has said and what was said about its items, page by page; killed, it goes on."""

from collections.abc import AsyncIterator

from app.albums.comment_news import CommentNews
from app.albums.comment_store import CommentStore
from app.albums.unread import unread_key
from app.stores.cache.cache import Cache
from shared.events import EventType
from shared.ids import AccountId

ROWS_PER_PAGE = 50


class CommentErasure:
    def __init__(self, store: CommentStore, cache: Cache, news: CommentNews) -> None:
        self._store, self._cache, self._news = store, cache, news

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Says after each page how many rows those were. Others hear that what was said about their items is gone."""
        while erased := await self._erase_page(account):
            yield erased
        async with self._cache.change(unread_key(account)) as connection:
            forgotten = await self._store.forget_reader(connection, account)
        yield forgotten

    async def _erase_page(self, account: AccountId) -> int:
        async with self._cache.change() as connection:
            rows = await self._store.some_of(connection, account, ROWS_PER_PAGE)
            if not rows:
                return 0
            self._cache.forget(connection, *map(unread_key, await self._store.unread_by(connection, rows)))
            await self._store.remove(connection, rows)
            for row in rows:
                if row.owner_id != account:
                    await self._news.tell(connection, EventType.COMMENT_DELETED, row, "")
        return len(rows)
