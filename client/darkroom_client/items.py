"""Items: every route under `/v1/items`, one method each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from darkroom_client.connection import Connection, parsed
from darkroom_shared.events import HEAD_HEADER
from darkroom_shared.ids import ItemId
from darkroom_shared.items import (
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
    """The number of the last event before the list was read: follow the events after it to stay up to date."""


class Items:
    """Available as `client.items`. Raises NotFound if the item is absent or another account's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, request: CreateItem, *, idempotency_key: str | None = None) -> CreatedItem:
        """Create an item. With an own key the same call can be repeated later, even from another process."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
        return await self._connection.request("POST", "/v1/items", CreatedItem, request, headers=headers)

    async def list(
        self, *, order: Order = "created", limit: int = PAGE_ITEMS, cursor: str | None = None, deleted: bool = False
    ) -> ListedItems:
        """Return one page, newest first; with `deleted`, of the items that can be restored."""
        parameters: dict[str, str | int] = {"order": order, "limit": limit}
        if deleted:
            parameters["deleted"] = "true"
        if cursor is not None:
            parameters["cursor"] = cursor
        response = await self._connection.send("GET", "/v1/items", parameters=parameters)
        page = parsed(response, ItemPage)
        return ListedItems(page.items, page.next_cursor, int(response.headers.get(HEAD_HEADER, "0")))

    async def list_all(self, *, order: Order = "created", deleted: bool = False) -> AsyncIterator[Item]:
        """Iterate over every item, newest first; pages are fetched as they are consumed."""
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
        """Change the fields that are set. Raises Outdated if the item is not at `version`; without a version the last
        writer wins.
        """
        headers = _if_match(version)
        return await self._connection.request("PATCH", f"/v1/items/{item_id}", Item, change, headers=headers)

    async def delete(self, item_id: ItemId, *, version: int | None = None, permanently: bool = False) -> None:
        """Hide the item at once; it can be restored for 30 days, unless deleted `permanently`.

        Raises Outdated if the item is not at `version`.
        """
        parameters = {"permanently": "true"} if permanently else None
        headers = _if_match(version)
        await self._connection.send("DELETE", f"/v1/items/{item_id}", parameters=parameters, headers=headers)

    async def delete_many(
        self, item_ids: Sequence[ItemId], *, permanently: bool = False
    ) -> AsyncIterator[DeletedItems]:
        """Delete items and yield the result of each batch of a few hundred. Items already deleted or absent are no
        error.
        """
        for start in range(0, len(item_ids), MAX_DELETED_PER_REQUEST):
            request = DeleteItems(ids=tuple(item_ids[start : start + MAX_DELETED_PER_REQUEST]), permanently=permanently)
            yield await self._connection.request("POST", "/v1/items/delete", DeletedItems, request)

    async def restore(self, item_id: ItemId) -> Item:
        """Restore the item as it was before its deletion; an item that was being processed comes back as cancelled."""
        return await self._connection.request("POST", f"/v1/items/{item_id}/restore", Item)

    async def complete(self, item_id: ItemId) -> CompletedItem:
        """Complete the upload after all bytes are sent; safe to repeat. Raises NotUploaded, UploadMismatch."""
        return await self._connection.request("POST", f"/v1/items/{item_id}/complete", CompletedItem)

    async def stored_parts(self, item_id: ItemId) -> StoredParts:
        """Return the parts that S3 has of a multipart upload. Raises WrongState if the item is not being uploaded in
        parts.
        """
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
