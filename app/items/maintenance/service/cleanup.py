"""Delete the files of an item that are part of no result."""

from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.keys import attempt_of, original_key, prefixes_to_keep, rendition_folder
from app.items.schema.row import ItemRow
from app.items.service import lifecycle
from app.items.service.changes import ItemChanges
from app.stores.s3 import ObjectStore
from darkroom_shared.items import ItemState
from darkroom_shared.times import Clock

_GONE = frozenset({ItemState.CANCELLED, ItemState.EXPIRED})


class Cleanup:
    """Drops a result that was replaced, and deletes orphaned files, once an item's time of cleanup has come."""

    def __init__(self, *, changes: ItemChanges, objects: ObjectStore, clock: Clock) -> None:
        self._changes, self._objects, self._clock = changes, objects, clock

    async def clean(self, row: ItemRow) -> None:
        """Clean up and record that it is done. Does nothing while the item is being reprocessed. Raises NotFound."""
        account, item = row.account_id, row.item_id
        row = await self._changes.apply(
            account, item, lambda current: reprocess_rules.drop_previous(current, self._clock()), known=row
        )
        if lifecycle.is_being_reprocessed(row):
            return
        await self._remove_orphans(row)
        await self._changes.apply(
            account,
            item,
            lambda current: lifecycle.cleaned(current) if current.cleanup_at == row.cleanup_at else None,
        )

    async def _remove_orphans(self, row: ItemRow) -> None:
        """Delete the files that are part of no result.

        Keeps the files of current and previous results and those of attempts that began after the row was read. A
        deleted item keeps its original while its bytes are reserved, because it can be restored.
        """
        key = original_key(row.account_id, row.item_id)
        await self._objects.abort_multiparts(key)
        unreserved = row.state is ItemState.DELETED and row.reserved_bytes == 0
        if row.state in _GONE or unreserved:
            await self._objects.delete([key])
        prefixes, folder = prefixes_to_keep(row), rendition_folder(row.account_id, row.item_id) + "/"
        for upload in await self._objects.list_multipart_keys(folder):
            if attempt_of(upload) <= row.attempt:
                await self._objects.abort_multiparts(upload)
        await self._objects.delete_each(
            stored.key
            async for stored in self._objects.list_objects(folder)
            if attempt_of(stored.key) <= row.attempt and not stored.key.startswith(prefixes)
        )
