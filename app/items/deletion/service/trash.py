"""Delete one item or many, and restore what is not purged yet."""

import asyncio
from collections.abc import Sequence

from app.items.deletion.service import rules as deletion
from app.items.schema.row import ItemRow
from app.items.service.changes import ItemChanges
from app.items.store import ItemStore
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import DeletedItems
from darkroom_shared.problems import NotFound, Problem
from darkroom_shared.task_group import TaskGroup, unwrapped
from darkroom_shared.times import Clock

CONCURRENCY = 100
"""Concurrent deletions per request; the event log batches them."""


class TrashService:
    """Deletes items so that their owner can restore them until they are purged."""

    def __init__(self, store: ItemStore, changes: ItemChanges, clock: Clock) -> None:
        self._store, self._changes, self._clock = store, changes, clock

    async def get(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """Return an item of the account, deleted or not; None if it is absent or can no longer be restored."""
        row = await self._store.get(account, item)
        return None if row is None or row.purge is not None else row

    async def delete(self, row: ItemRow, expected: int | None, *, permanently: bool = False) -> None:
        """Hide the item at once; with `permanently` the sweeper then purges it. Idempotent. Raises Outdated."""
        await self._changes.apply(
            row.account_id,
            row.item_id,
            lambda current: deletion.delete(current, expected, self._clock(), permanently=permanently),
            known=row,
        )

    async def delete_many(self, account: AccountId, items: Sequence[ItemId], *, permanently: bool) -> DeletedItems:
        """Delete each item like `delete`, with one event for each that was not deleted before. After a failure,
        repeat the call."""
        requested = list(dict.fromkeys(items))
        rows = {row.item_id: row for row in await self._store.get_many([(account, item) for item in requested])}
        semaphore, absent = asyncio.Semaphore(CONCURRENCY), set(requested) - rows.keys()

        async def delete(row: ItemRow) -> None:
            async with semaphore:
                try:
                    await self.delete(row, None, permanently=permanently)
                except NotFound:
                    absent.add(row.item_id)

        with unwrapped(Problem):
            async with TaskGroup() as tasks:
                for row in rows.values():
                    tasks.create_task(delete(row))
        return DeletedItems(
            deleted=tuple(item for item in requested if item not in absent),
            absent=tuple(item for item in requested if item in absent),
        )

    async def restore(self, row: ItemRow) -> ItemRow:
        """Restore the previous state, or cancelled if the item was in processing. Idempotent. Raises NotFound if it
        is too late."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: deletion.restore(current, self._clock())
        )
