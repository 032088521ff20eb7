"""Unread comments of an account, on items that it can see."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from app.access.service.shared_items import SharedItems
from app.cached import UNREAD
from app.comments.store import CommentStore, Unread
from app.identity import Member
from app.items.service.items import ItemService
from app.stores.cache.cache import Cache
from app.stores.cache.keys import Key
from darkroom_shared.comments import MarkRead, UnreadComments, UnreadItem
from darkroom_shared.ids import AccountId

_UNREAD = UNREAD.of_type(TypeAdapter(tuple[Unread, ...]))


def unread_key(account: AccountId) -> Key[tuple[Unread, ...]]:
    return _UNREAD.key(account)


class UnreadService:
    """Counts comments that an account has not read. Reads through the cache."""

    def __init__(self, *, store: CommentStore, cache: Cache, items: ItemService, shared: SharedItems) -> None:
        self._store, self._cache, self._items, self._shared = store, cache, items, shared

    async def count(self, account: AccountId) -> UnreadComments:
        """Count by item, the one with the newest comment first; only items that the account can see now."""
        known = await self._cache.get(unread_key(account), lambda connection: self._store.unread(connection, account))
        seen = await self._visible(account, known)
        items = tuple(UnreadItem(item_id=each.item_id, count=each.count, newest=each.newest) for each in seen)
        return UnreadComments(count=sum(each.count for each in items), items=items)

    async def mark_read(self, account: AccountId, read: MarkRead) -> None:
        """Mark comments as read, up to and including `up_to`, of one item or, without `item_id`, of all. Idempotent."""
        async with self._cache.change(unread_key(account)) as unit:
            await self._store.mark_read(unit.connection, account, read.up_to, read.item_id)

    async def _visible(self, account: AccountId, known: Sequence[Unread]) -> list[Unread]:
        """Drop items that were deleted, or that the account can no longer see."""
        if not known:
            return []
        own = [each.item_id for each in known if each.owner_id == account]
        shared = [each.item_id for each in known if each.owner_id != account]
        seen = {
            *await self._items.get_many(account, own),
            *await self._shared.access_many(Member(account), shared),
        }
        return [each for each in known if each.item_id in seen]
