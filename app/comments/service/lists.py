"""The list of an item's comments, with the names of their authors."""

from dataclasses import dataclass

from app.accounts.service.accounts import AccountService
from app.comments.service.comment_events import to_wire
from app.comments.store import CommentStore
from app.items.schema.row import ItemRow
from app.pagination import Cursors, Position
from app.stores.aurora import Database
from darkroom_shared.comments import Comment
from darkroom_shared.ids import AccountId


@dataclass(frozen=True, slots=True)
class ListedComments:
    """`next_cursor` is None on the last page."""

    comments: tuple[Comment, ...]
    next_cursor: str | None


class CommentLists:
    """Lists comments. Expects that the reader's access to the item has been checked."""

    def __init__(self, *, database: Database, store: CommentStore, accounts: AccountService, cursors: Cursors) -> None:
        self._database, self._store, self._accounts, self._cursors = database, store, accounts, cursors

    async def list(self, reader: AccountId, item: ItemRow, *, cursor: str | None, limit: int) -> ListedComments:
        """Return the newest first. Raises Invalid for a cursor of another reader or item."""
        order = f"comments {item.item_id}"
        before = self._cursors.read(reader, order, cursor).item_id if cursor else None
        async with self._database.writer.read() as connection:
            rows, more = await self._store.page(connection, item.item_id, before=before, limit=limit)
        next_page = self._cursors.write(reader, order, Position(rows[-1].id)) if more else None
        names = await self._accounts.names([row.author_id for row in rows])
        return ListedComments(tuple(to_wire(row, names.get(row.author_id, "")) for row in rows), next_page)
