"""Comments on items: list, write, edit and remove them."""

from dataclasses import dataclass, replace

from app.accounts.service.accounts import AccountService
from app.accounts.service.limits import Attempts
from app.comments.service.comment_events import CommentEvents, to_wire
from app.comments.service.unread import unread_key
from app.comments.store import CommentRow, CommentStore
from app.events.service.requests import RelationalRequests
from app.items.schema.row import ItemRow
from app.pagination import Cursors, Position
from app.request_key import RequestKey
from app.stores.aurora import AsyncConnection, Database
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.comments import Comment
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, CommentId, ItemId, new_comment_id
from darkroom_shared.problems import Forbidden, NotFound, Outdated
from darkroom_shared.times import Clock


@dataclass(frozen=True, slots=True)
class ListedComments:
    """`next_cursor` is None on the last page."""

    comments: tuple[Comment, ...]
    next_cursor: str | None


class CommentService:
    """Expects that the caller's access to the item has been checked."""

    def __init__(
        self,
        *,
        store: CommentStore,
        database: Database,
        cache: Cache,
        events: CommentEvents,
        requests: RelationalRequests,
        accounts: AccountService,
        attempts: Attempts,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._store, self._database, self._cache = store, database, cache
        self._events, self._requests, self._accounts = events, requests, accounts
        self._attempts, self._cursors, self._clock = attempts, cursors, clock

    async def list(self, reader: AccountId, item: ItemRow, *, cursor: str | None, limit: int) -> ListedComments:
        """Return the newest first. Raises Invalid for a cursor of another reader or item."""
        order = f"comments {item.item_id}"
        before = self._cursors.read(reader, order, cursor).item_id if cursor else None
        async with self._database.writer.read() as connection:
            rows, more = await self._store.page(connection, item.item_id, before=before, limit=limit)
        next_page = self._cursors.write(reader, order, Position(rows[-1].id)) if more else None
        names = await self._accounts.names([row.author_id for row in rows])
        return ListedComments(tuple(to_wire(row, names.get(row.author_id, "")) for row in rows), next_page)

    async def write(self, author: AccountId, item: ItemRow, text: str, request: RequestKey | None) -> Comment:
        """Add a comment, unread for all other accounts that can see the item.

        Raises TooManyRequests, IdempotencyMismatch.
        """
        await self._attempts.comment(author)
        name = await self._name(author)
        row = CommentRow(
            new_comment_id(), item.item_id, item.account_id, author, text, version=1, created_at=self._clock()
        )
        return to_wire(await retry_on_conflict(lambda: self._write(row, name, request)), name)

    async def edit(self, author: AccountId, item: ItemRow, id_: CommentId, text: str, expected: int | None) -> Comment:
        """Raises NotFound, Forbidden unless `author` wrote it, Outdated if it was edited since version `expected`."""
        name, now = await self._name(author), self._clock()
        async with self._cache.change() as unit:
            before = await self._require(unit.connection, item.item_id, id_, expected)
            if before.author_id != author:
                raise Forbidden("Only whoever wrote it may change it.")
            after = replace(before, text=text, edited_at=now, version=before.version + 1)
            if not await self._store.edit(unit.connection, before, text, now):
                raise Outdated
            await self._events.publish(unit, EventType.COMMENT_UPDATED, after, name)
        return to_wire(after, name)

    async def remove(self, by: AccountId, item: ItemRow, id_: CommentId, expected: int | None) -> None:
        """Remove a comment, as its author or the item's owner. Raises NotFound, Forbidden, Outdated."""
        async with self._database.writer.read() as connection:
            author = (await self._require(connection, item.item_id, id_, None)).author_id
        if by not in (author, item.account_id):
            raise Forbidden("Only whoever wrote it, or owns the item, may remove it.")
        name = await self._name(author)
        async with self._cache.change() as unit:
            row = await self._require(unit.connection, item.item_id, id_, expected)
            unit.invalidate(*map(unread_key, await self._store.unread_by(unit.connection, [row])))
            if not await self._store.remove(unit.connection, [row]):
                raise NotFound
            await self._events.publish(unit, EventType.COMMENT_DELETED, row, name)

    async def _write(self, row: CommentRow, name: str, request: RequestKey | None) -> CommentRow:
        """Return the new comment, or the one that an earlier request with the same key wrote."""
        async with self._cache.change() as unit:
            if earlier := await self._requests.earlier(unit.connection, row.author_id, request):
                return await self._require(unit.connection, row.item_id, CommentId(earlier.resource_id), None)
            recipients = await self._store.recipients(unit.connection, row.owner_id, row.item_id)
            other_recipients = [account for account in recipients if account != row.author_id]
            unit.invalidate(*map(unread_key, other_recipients))
            await self._store.add(unit.connection, row, unread_by=other_recipients)
            await self._requests.note(unit.connection, row.author_id, request, row.id, 201)
            await self._events.publish(unit, EventType.COMMENT_CREATED, row, name)
        return row

    async def _name(self, account: AccountId) -> str:
        return (await self._accounts.names([account])).get(account, "")

    async def _require(
        self, connection: AsyncConnection, item: ItemId, id_: CommentId, expected: int | None
    ) -> CommentRow:
        row = await self._store.get(connection, item, id_)
        if row is None:
            raise NotFound
        if expected not in (None, row.version):
            raise Outdated
        return row
