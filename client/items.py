"""Items: every route under `/v1/items`, one method each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from client.connection import Connection, parsed
from shared.events import HEAD_HEADER
from shared.ids import ItemId
from shared.items import (
    MAX_DELETED_PER_REQUEST,
    CompletedItem,
    CreatedItem,
    CreateItem,
    DeletedItems,
    DeleteItems,
    EditItem,
    Item,
    ItemPage,
    OriginalUrl,
    PartsRequest,
    PartUploads,
    Receipt,
    StoredParts,
)

Order = Literal["created", "captured"]
PAGE_ITEMS = 100


@dataclass(frozen=True, slots=True)
class ListedItems:
    items: tuple[Item, ...]
    next_cursor: str | None
    head: int
    """The last event's number before the list was read: follow the events after it to stay up to date."""


class Items:
    """Reached as `client.items`. Raises NotFound for what is absent or somebody else's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, request: CreateItem, *, idempotency_key: str | None = None) -> CreatedItem:
        """With a key of your own the same call can be repeated later, even from another process."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return await self._connection.request("POST", "/v1/items", CreatedItem, request, headers=headers)

    async def list(
        self, *, order: Order = "created", limit: int = PAGE_ITEMS, cursor: str | None = None, deleted: bool = False
    ) -> ListedItems:
        """One page, newest first; `deleted`: of those that can be restored."""
        parameters: dict[str, str | int] = {"order": order, "limit": limit}
        if deleted:
            parameters["deleted"] = "true"
        if cursor is not None:
            parameters["cursor"] = cursor
        response = await self._connection.send("GET", "/v1/items", parameters=parameters)
        page = parsed(response, ItemPage)
        return ListedItems(page.items, page.next_cursor, int(response.headers.get(HEAD_HEADER, "0")))

    async def list_all(self, *, order: Order = "created", deleted: bool = False) -> AsyncIterator[Item]:
        """Every item, newest first, page by page as it is consumed."""
        cursor: str | None = None
        while True:
            page = await self.list(order=order, cursor=cursor, deleted=deleted)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def require(self, item_id: ItemId) -> Item:
        return await self._connection.request("GET", f"/v1/items/{item_id}", Item)

    async def edit(self, item_id: ItemId, change: EditItem, *, version: int | None = None) -> Item:
        """Raises Outdated when the item no longer stands at `version`; without one the last writer wins."""
        headers = _if_match(version)
        return await self._connection.request("PATCH", f"/v1/items/{item_id}", Item, change, headers=headers)

    async def delete(self, item_id: ItemId, *, version: int | None = None, permanently: bool = False) -> None:
        """Hides the item at once; for 30 days it can be restored, unless it is to go `permanently`.

        Raises Outdated when it no longer stands at `version`.
        """
        parameters = {"permanently": "true"} if permanently else None
        headers = _if_match(version)
        await self._connection.send("DELETE", f"/v1/items/{item_id}", parameters=parameters, headers=headers)

    async def delete_many(
        self, item_ids: Sequence[ItemId], *, permanently: bool = False
    ) -> AsyncIterator[DeletedItems]:
        """What became of them, after every few hundred. That some were deleted before, or are absent, is no error."""
        for start in range(0, len(item_ids), MAX_DELETED_PER_REQUEST):
            request = DeleteItems(ids=tuple(item_ids[start : start + MAX_DELETED_PER_REQUEST]), permanently=permanently)
            yield await self._connection.request("POST", "/v1/items/delete", DeletedItems, request)

    async def restore(self, item_id: ItemId) -> Item:
        """As it was before it was deleted; what was in work then comes back as cancelled."""
        return await self._connection.request("POST", f"/v1/items/{item_id}/restore", Item)

    async def complete(self, item_id: ItemId) -> CompletedItem:
        """Says that all bytes are sent; repeatable. Raises NotUploaded, UploadMismatch."""
        return await self._connection.request("POST", f"/v1/items/{item_id}/complete", CompletedItem)

    async def stored_parts(self, item_id: ItemId) -> StoredParts:
        """What S3 has of a multipart upload. Raises WrongState when the item is not (any more) being uploaded so."""
        return await self._connection.request("GET", f"/v1/items/{item_id}/parts", StoredParts)

    async def request_parts(self, item_id: ItemId, request: PartsRequest) -> PartUploads:
        return await self._connection.request("POST", f"/v1/items/{item_id}/parts", PartUploads, request)

    async def cancel(self, item_id: ItemId) -> Item:
        return await self._connection.request("POST", f"/v1/items/{item_id}/cancel", Item)

    async def retry(self, item_id: ItemId) -> Item:
        return await self._connection.request("POST", f"/v1/items/{item_id}/retry", Item)

    async def receipt(self, item_id: ItemId) -> Receipt:
        return await self._connection.request("GET", f"/v1/items/{item_id}/receipt", Receipt)

    async def original(self, item_id: ItemId) -> OriginalUrl:
        return await self._connection.request("GET", f"/v1/items/{item_id}/original", OriginalUrl)


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
