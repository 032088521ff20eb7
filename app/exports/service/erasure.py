"""Erase all exports of an account, page by page; each step can be killed and run again."""

from collections.abc import AsyncIterator

from app.exports.schema import export_prefix
from app.exports.store import ExportStore
from app.stores.s3 import ObjectStore
from darkroom_shared.ids import AccountId


class ExportErasure:
    """Erases a closed account's exports."""

    def __init__(self, store: ExportStore, objects: ObjectStore) -> None:
        self._store, self._objects = store, objects

    async def erase(self, account: AccountId) -> AsyncIterator[int]:
        """Erase the rows first, which voids all claims, then files and unfinished multipart uploads. Yields the
        number per page."""
        async for erased in self._store.erase(account):
            yield erased
        prefix = export_prefix(account)
        while uploads := await self._objects.list_multipart_keys(prefix):
            for key in set(uploads):
                await self._objects.abort_multiparts(key)
            yield len(uploads)
        keys = [stored.key async for stored in self._objects.list_objects(prefix)]
        await self._objects.delete(keys)
        yield len(keys)

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows."""
        return {"exports": len(await self._store.all_of(account))}
