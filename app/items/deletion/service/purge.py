"""Purge deleted items: delete their objects in two passes, then their receipts, then the row."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from app.items.deletion.service import rules as deletion
from app.items.schema.keys import original_key, rendition_folder
from app.items.schema.row import ItemRow, Purge
from app.items.service.changes import ItemChanges
from app.items.store import ItemStore
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.times import Clock

OnPurge = Callable[[AccountId, ItemId], Awaitable[None]]
"""A callback that deletes an item from another store before the row is deleted. It must be idempotent."""


class Purging:
    """Purge items step by step. Each step is idempotent: it survives a crash and a concurrent run."""

    def __init__(
        self,
        *,
        store: ItemStore,
        changes: ItemChanges,
        objects: ObjectStore,
        clock: Clock,
        on_purge: Sequence[OnPurge] = (),
    ) -> None:
        self._store, self._changes, self._objects = store, changes, objects
        self._clock, self._on_purge = clock, on_purge

    async def purge(self, row: ItemRow) -> None:
        """Run the next step for a row whose `purge_at` has passed. Raises NotFound if another process has purged it."""
        if row.purge is None:
            row = await self._changes.apply(
                row.account_id, row.item_id, lambda current: deletion.begin_purge(current, self._clock())
            )
        if row.purge is None:
            return
        await self._empty(row)
        if row.purge is Purge.BEGUN:
            await self._changes.apply(
                row.account_id, row.item_id, lambda current: deletion.record_purge_pass(current, self._clock())
            )
            return
        async for _ in self._store.erase_receipt(row.item_id):
            pass
        for delete in self._on_purge:
            await delete(row.account_id, row.item_id)
        await self._changes.remove(row)

    async def _empty(self, row: ItemRow) -> None:
        original, folder = (
            original_key(row.account_id, row.item_id),
            rendition_folder(row.account_id, row.item_id) + "/",
        )
        await self._objects.abort_multiparts(original)
        for upload in await self._objects.list_multipart_keys(folder):
            await self._objects.abort_multiparts(upload)

        async def keys() -> AsyncIterator[str]:
            yield original
            async for stored in self._objects.list_objects(folder):
                yield stored.key

        await self._objects.delete_each(keys())
