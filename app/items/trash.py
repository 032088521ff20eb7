"""Deleting one item or many, and bringing back what is not yet gone for good."""

import asyncio
from collections.abc import Sequence

from app.items import deletion
from app.items.changes import ItemChanges
from app.items.row import ItemRow
from app.items.store import ItemStore
from shared.ids import AccountId, ItemId
from shared.items import DeletedItems
from shared.problems import NotFound, Problem
from shared.task_group import TaskGroup
from shared.times import Clock

CONCURRENCY = 100
"""Deletions of one request under way; the log joins them into batches."""


class TrashService:
    def __init__(self, store: ItemStore, changes: ItemChanges, clock: Clock) -> None:
        self._store, self._changes, self._clock = store, changes, clock

    async def get(self, account: AccountId, item: ItemId) -> ItemRow | None:
        """An own item, deleted or not; None when there is none, or nothing brings it back."""
        row = await self._store.get(account, item)
        return None if row is None or row.purge is not None else row

    async def delete(self, row: ItemRow, expected: int | None, *, permanently: bool = False) -> None:
        """Hides it at once; `permanently`: the sweeper then removes it. Repeated, it is no error. Raises Outdated."""
        await self._changes.apply(
            row.account_id,
            row.item_id,
            lambda current: deletion.delete(current, expected, self._clock(), permanently=permanently),
            known=row,
        )

    async def delete_many(self, account: AccountId, items: Sequence[ItemId], *, permanently: bool) -> DeletedItems:
        """As `delete` does with each; an event for each that was not deleted before. After a failure, repeat it."""
        requested = list(dict.fromkeys(items))
        rows = {row.item_id: row for row in await self._store.get_many([(account, item) for item in requested])}
        semaphore, absent = asyncio.Semaphore(CONCURRENCY), set(requested) - rows.keys()

        async def delete(row: ItemRow) -> None:
            async with semaphore:
                try:
                    await self.delete(row, None, permanently=permanently)
                except NotFound:
                    absent.add(row.item_id)

        try:
            async with TaskGroup() as tasks:
                for row in rows.values():
                    tasks.create_task(delete(row))
        except* Problem as problems:
            raise _first(problems) from None
        return DeletedItems(
            deleted=tuple(item for item in requested if item not in absent),
            absent=tuple(item for item in requested if item in absent),
        )

    async def restore(self, row: ItemRow) -> ItemRow:
        """As it was, or cancelled if it was in work. Repeated, it is no error. Raises NotFound when it is too late."""
        return await self._changes.apply(
            row.account_id, row.item_id, lambda current: deletion.restore(current, self._clock())
        )


def _first(group: ExceptionGroup[Problem]) -> Problem:
    """All of them are about the stores, and one answer has room for one."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
