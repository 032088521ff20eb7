"""What a worker does to an item: claim it, keep the claim, and end it one way or another."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from app.items import lifecycle
from app.items.changes import ItemChanges
from app.items.lifecycle import ClaimLost
from app.items.queueing import WorkQueue
from app.items.row import ItemRow, Result, StoredFailure
from app.items.store import ItemStore
from shared.ids import AccountId, ItemId
from shared.items import ItemKind, ItemState, ReceiptStep
from shared.times import Clock


class WorkService:
    """Everything but `claim` raises ClaimLost once the claim is void; then nothing was written."""

    def __init__(
        self, store: ItemStore, changes: ItemChanges, queue: WorkQueue, clock: Clock, lease: timedelta = lifecycle.LEASE
    ) -> None:
        self._store, self._changes, self._queue, self._clock = store, changes, queue, clock
        self.lease = lease

    async def claim(self, account: AccountId, item: ItemId) -> ItemRow:
        """The row with a fresh claim. Raises ClaimLost when it is not this worker's turn, NotFound."""
        token = secrets.token_hex(16)
        return await self._changes.apply(
            account, item, lambda current: lifecycle.claim(current, token, self._clock(), self.lease)
        )

    async def check(self, claimed: ItemRow) -> None:
        """Only looks whether the claim still holds."""
        current = await self._store.get(claimed.account_id, claimed.item_id)
        if current is None or current.state is not ItemState.PROCESSING or current.claim != claimed.claim:
            raise ClaimLost

    async def renew(self, claimed: ItemRow) -> None:
        token = _token(claimed)
        await self._changes.apply(
            claimed.account_id,
            claimed.item_id,
            lambda current: lifecycle.renew(current, token, self._clock(), self.lease),
        )

    async def finish(self, claimed: ItemRow, kind: ItemKind, result: Result, steps: Sequence[ReceiptStep]) -> ItemRow:
        """The result counts from here on; sent again after an answer was lost, it is no error."""
        token = _token(claimed)
        try:
            return await self._changes.apply(
                claimed.account_id,
                claimed.item_id,
                lambda current: lifecycle.finish(current, token, kind, result, self._clock()),
                steps=steps,
            )
        except ClaimLost:
            current = await self._store.get(claimed.account_id, claimed.item_id)
            if current and current.state is ItemState.READY and current.result and current.result == result:
                return current
            raise

    async def fail(self, claimed: ItemRow, failure: StoredFailure, steps: Sequence[ReceiptStep]) -> None:
        token = _token(claimed)
        await self._changes.apply(
            claimed.account_id,
            claimed.item_id,
            lambda current: lifecycle.fail(current, token, failure, self._clock()),
            steps=steps,
        )

    async def give_back(self, claimed: ItemRow, wait: timedelta = timedelta()) -> None:
        """Costs the item no attempt. The message in the lane must be shown again, or the sweeper sends another."""
        token = _token(claimed)
        await self._changes.apply(
            claimed.account_id,
            claimed.item_id,
            lambda current: lifecycle.give_back(current, token, self._clock(), wait),
        )

    async def lose(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """The attempt died. Queued again after a wait, or `failed` the fifth time: the row tells."""
        token = _token(claimed)
        row = await self._changes.apply(
            claimed.account_id,
            claimed.item_id,
            lambda current: lifecycle.lose(current, token, self._clock()),
            steps=steps,
        )
        return await self._queue.send(row) if row.state is ItemState.QUEUED else row


def _token(claimed: ItemRow) -> str:
    if claimed.claim is None:
        raise ClaimLost
    return claimed.claim
