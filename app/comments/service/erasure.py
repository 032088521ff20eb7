"""Erasure of an account's comments and of the comments on its items, page by page; resumes after a crash."""

from collections.abc import AsyncIterator, Sequence

from app.comments.service.comment_events import CommentEvents
from app.comments.service.unread import unread_key
from app.comments.store import CommentRow, CommentStore
from app.stores.aurora import Database
from app.stores.cache.cache import Cache
from app.stores.cache.changes import UnitOfWork
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, ItemId

ROWS_PER_PAGE = 50


class CommentErasure:
    """Deletes comments of a closed account or of a purged item."""

    def __init__(self, *, database: Database, cache: Cache, store: CommentStore, events: CommentEvents) -> None:
        self._database, self._cache, self._store, self._events = database, cache, store, events

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Yield the number of deleted rows after each page. Publishes deleted comments on other accounts' items."""
        while erased := await self._erase_page(account):
            yield erased
        async with self._cache.change(unread_key(account)) as unit:
            deleted = await self._store.delete_unread_of(unit.connection, account)
        yield deleted

    async def delete(self, _owner: AccountId, item: ItemId) -> None:
        """Delete the comments on an item before its purge. Publishes no events: the item is no longer visible."""
        while True:
            async with self._cache.change() as unit:
                rows, more = await self._store.page(unit.connection, item, before=None, limit=ROWS_PER_PAGE)
                await self._remove(unit, rows)
            if not more:
                return

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table."""
        async with self._database.writer.read() as connection:
            return await self._store.count_rows(connection, account)

    async def _erase_page(self, account: AccountId) -> int:
        async with self._cache.change() as unit:
            rows = await self._store.rows_of_account(unit.connection, account, ROWS_PER_PAGE)
            if not rows:
                return 0
            await self._remove(unit, rows)
            for row in rows:
                if row.owner_id != account:
                    await self._events.publish(unit, EventType.COMMENT_DELETED, row, "")
        return len(rows)

    async def _remove(self, unit: UnitOfWork, rows: Sequence[CommentRow]) -> None:
        unit.invalidate(*map(unread_key, await self._store.unread_by(unit.connection, rows)))
        await self._store.remove(unit.connection, rows)
