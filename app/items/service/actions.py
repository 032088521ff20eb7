"""The owner's actions on an item: edit, cancel, retry."""

from app.items.schema.keys import original_key
from app.items.schema.row import ItemRow
from app.items.service import lifecycle
from app.items.service.changes import AlreadyCompleted, ItemChanges
from app.items.service.items import ItemService, is_visible
from app.items.service.queueing import WorkQueue
from app.items.service.requests import Requests, completed_request
from app.request_key import RequestKey
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import EditItem
from darkroom_shared.problems import NotFound, WrongState
from darkroom_shared.times import Clock


class ItemActions:
    def __init__(
        self,
        *,
        items: ItemService,
        changes: ItemChanges,
        requests: Requests,
        objects: ObjectStore,
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._items, self._changes, self._requests = items, changes, requests
        self._objects, self._queue, self._clock = objects, queue, clock

    async def edit(self, row: ItemRow, body: EditItem, expected: int | None) -> ItemRow:
        """Change the fields that the body names. Raises Outdated, NotFound."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.edit(current, body, expected)
        )

    async def cancel(self, row: ItemRow) -> ItemRow:
        """Cancel the item. Raises WrongState if it is too late; cancelling again is not an error."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: lifecycle.cancel(_visible(current), self._clock())
        )

    async def retry(self, row: ItemRow, request: RequestKey | None) -> ItemRow:
        """Queue a failed or cancelled item again. Raises WrongState, also if its original is deleted."""
        if await self._requests.earlier(row.account_id, request):
            return await self._require(row.account_id, row.item_id)
        if await self._objects.head(original_key(row.account_id, row.item_id)) is None:
            raise WrongState("Its original is not there any more. Upload the file again.", state=row.state)
        try:
            queued = await self._changes.apply(
                row.account_id,
                row.item_id,
                lambda current: lifecycle.retry(_visible(current), self._clock()),
                request=completed_request(request, row.item_id, 202),
            )
        except AlreadyCompleted:
            return await self._require(row.account_id, row.item_id)
        return await self._queue.send_after_commit(queued)

    async def _require(self, account: AccountId, item: ItemId) -> ItemRow:
        row = await self._items.get(account, item)
        if row is None:
            raise NotFound
        return row


def _visible(row: ItemRow) -> ItemRow:
    if not is_visible(row):
        raise NotFound
    return row
