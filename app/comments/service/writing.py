"""Adding a comment, once per Idempotency-Key; it is unread for all other accounts that can see the item."""

from app.accounts.service.accounts import AccountService
from app.comments.service.comment_events import CommentEvents, to_wire
from app.comments.service.unread import unread_key
from app.comments.store import CommentRow, CommentStore
from app.events.service.requests import RelationalRequests
from app.items.schema.row import ItemRow
from app.request_key import RequestKey
from app.stores.cache.cache import Cache
from app.stores.conflict_retry import retry_on_conflict
from darkroom_shared.comments import Comment
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, CommentId, new_comment_id
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock


class CommentWriting:
    """Writes comments. Expects that the author's access to the item has been checked."""

    def __init__(
        self,
        *,
        cache: Cache,
        store: CommentStore,
        events: CommentEvents,
        completed_requests: RelationalRequests,
        accounts: AccountService,
        clock: Clock,
    ) -> None:
        self._cache, self._store, self._events = cache, store, events
        self._completed_requests, self._accounts, self._clock = completed_requests, accounts, clock

    async def write(self, author: AccountId, item: ItemRow, text: str, request: RequestKey | None) -> Comment:
        """Add a comment, unread for all other accounts that can see the item.

        Raises IdempotencyMismatch, or NotFound if the comment that this key wrote was removed since.
        """
        name = (await self._accounts.names([author])).get(author, "")
        row = CommentRow(
            new_comment_id(), item.item_id, item.account_id, author, text, version=1, created_at=self._clock()
        )
        return to_wire(await retry_on_conflict(lambda: self._write(row, name, request)), name)

    async def _write(self, row: CommentRow, name: str, request: RequestKey | None) -> CommentRow:
        """Return the new comment, or the one that an earlier request with the same key wrote."""
        async with self._cache.change() as unit:
            if earlier := await self._completed_requests.earlier(unit.connection, row.author_id, request):
                written = await self._store.get(unit.connection, row.item_id, CommentId(earlier.resource_id))
                if written is None:
                    raise NotFound
                return written
            recipients = await self._store.recipients(unit.connection, row.owner_id, row.item_id)
            other_recipients = [account for account in recipients if account != row.author_id]
            unit.invalidate(*map(unread_key, other_recipients))
            await self._store.add(unit.connection, row, unread_by=other_recipients)
            await self._completed_requests.note(unit.connection, row.author_id, request, row.id, 201)
            await self._events.publish(unit, EventType.COMMENT_CREATED, row, name)
        return row
