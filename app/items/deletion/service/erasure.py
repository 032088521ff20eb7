"""Erase all items of an account, page by page; each step can be killed and run again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from app.items.deletion.service import rules as deletion
from app.items.schema.keys import account_prefixes
from app.items.schema.row import ItemRow
from app.items.service.lifecycle import UPLOAD_LIMIT
from app.items.store import ItemStore
from app.stores.s3 import DELETE_KEYS, ObjectStore
from darkroom_shared.ids import AccountId
from darkroom_shared.items import ItemState


@dataclass(frozen=True, slots=True)
class Survey:
    """What an account contained when it was closed."""

    items: int
    bytes: int
    uploads_end: datetime
    """From then on no URL issued before the account was closed can start or continue an upload."""


class ItemErasure:
    """Erases a closed account's items. Every method can be repeated after a crash."""

    def __init__(self, store: ItemStore, objects: ObjectStore) -> None:
        self._store, self._objects = store, objects

    async def survey(self, account: AccountId, closed_at: datetime) -> Survey:
        """Summarise the account's items. Call it before the erasure: it reads the rows."""
        items, size_bytes, uploads_end = 0, 0, closed_at
        async for page in self._store.pages_of(account):
            items += len(page)
            size_bytes += sum(row.reserved_bytes for row in page)
            uploads_end = max([uploads_end, *(_uploads_end(row, closed_at) for row in page)])
        return Survey(items, size_bytes, uploads_end)

    async def erase_rows(self, account: AccountId) -> AsyncIterator[int]:
        """Delete page by page the receipts and then the rows, which also voids their claims. Yields the number of
        rows per page."""
        async for page in self._store.pages_of(account):
            for row in page:
                async for _ in self._store.erase_receipt(row.item_id):
                    pass
            await self._store.erase_rows(page)
            yield len(page)

    async def count_rows(self, account: AccountId) -> dict[str, int]:
        """Return the number of the account's rows in each table. Reads the whole table of receipts."""
        return await self._store.count_rows(account)

    def erase_requests(self, account: AccountId) -> AsyncIterator[int]:
        """Delete the records of completed requests. Yields the number deleted per page."""
        return self._store.erase_requests(account)

    async def erase_objects(self, account: AccountId) -> AsyncIterator[int]:
        """Delete originals, renditions and unfinished multipart uploads. Yields the number deleted per page."""
        for prefix in account_prefixes(account):
            while uploads := await self._objects.list_multipart_keys(prefix):
                for key in set(uploads):
                    await self._objects.abort_multiparts(key)
                yield len(uploads)
            keys: list[str] = []
            async for stored in self._objects.list_objects(prefix):
                keys.append(stored.key)
                if len(keys) == DELETE_KEYS:
                    await self._objects.delete(keys)
                    yield len(keys)
                    keys = []
            await self._objects.delete(keys)
            yield len(keys)


def _uploads_end(row: ItemRow, closed_at: datetime) -> datetime:
    if row.state is ItemState.UPLOADING:
        return deletion.uploads_end(row, closed_at)
    return deletion.uploads_end(row, min(closed_at, row.created_at + UPLOAD_LIMIT))
