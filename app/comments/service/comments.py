"""Comments on items: edit and remove them."""

from dataclasses import replace

from app.accounts.service.accounts import AccountService
from app.comments.service.comment_events import CommentEvents, to_wire
from app.comments.service.unread import unread_key
from app.comments.store import CommentRow, CommentStore
from app.items.schema.row import ItemRow
from app.stores.aurora import AsyncConnection, Database
from app.stores.cache.cache import Cache
from darkroom_shared.comments import Comment
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, CommentId, ItemId
from darkroom_shared.problems import Forbidden, NotFound, Outdated
from darkroom_shared.times import Clock


class CommentService:
    """Edits and removes comments. Expects that the caller's access to the item has been checked."""

    def __init__(
        self,
        *,
        database: Database,
        cache: Cache,
        store: CommentStore,
        events: CommentEvents,
        accounts: AccountService,
        clock: Clock,
    ) -> None:
        self._database, self._cache, self._store = database, cache, store
        self._events, self._accounts, self._clock = events, accounts, clock

    async def edit(
        self, author: AccountId, item: ItemRow, comment_id: CommentId, text: str, expected: int | None
    ) -> Comment:
        """Change the text of a comment.

        Raises NotFound, Forbidden unless `author` wrote it, Outdated if it was edited since version `expected`.
        """
        name, now = await self._name(author), self._clock()
        async with self._cache.change() as unit:
            before = await self._require(unit.connection, item.item_id, comment_id, expected)
            if before.author_id != author:
                raise Forbidden("Only its author may change it.")
            after = replace(before, text=text, edited_at=now, version=before.version + 1)
            if not await self._store.edit(unit.connection, before, text, now):
                raise Outdated
            await self._events.publish(unit, EventType.COMMENT_UPDATED, after, name)
        return to_wire(after, name)

    async def remove(self, by: AccountId, item: ItemRow, comment_id: CommentId, expected: int | None) -> None:
        """Remove a comment, as its author or the item's owner. Raises NotFound, Forbidden, Outdated."""
        async with self._database.writer.read() as connection:
            author = (await self._require(connection, item.item_id, comment_id, None)).author_id
        if by not in (author, item.account_id):
            raise Forbidden("Only its author and the item's owner may remove it.")
        name = await self._name(author)
        async with self._cache.change() as unit:
            row = await self._require(unit.connection, item.item_id, comment_id, expected)
            unit.invalidate(*map(unread_key, await self._store.unread_by(unit.connection, [row])))
            if not await self._store.remove(unit.connection, [row]):
                raise NotFound
            await self._events.publish(unit, EventType.COMMENT_DELETED, row, name)

    async def _name(self, account: AccountId) -> str:
        return (await self._accounts.names([account])).get(account, "")

    async def _require(
        self, connection: AsyncConnection, item: ItemId, comment_id: CommentId, expected: int | None
    ) -> CommentRow:
        row = await self._store.get(connection, item, comment_id)
        if row is None:
            raise NotFound
        if expected not in (None, row.version):
            raise Outdated
        return row
