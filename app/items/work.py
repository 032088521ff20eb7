"""What a worker does to an item: claim it, keep the claim, and end it one way or another."""

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

from app.items import claims
from app.items.changes import ItemChanges
from app.items.claims import ClaimLost
from app.items.lifecycle import LEASE, Change
from app.items.queueing import WorkQueue
from app.items.row import ItemRow, Ladder, Lane, Result, StoredFailure
from app.items.store import ItemStore
from shared.ids import AccountId, ItemId
from shared.items import ItemKind, ItemState, ReceiptStep
from shared.problems import NotFound, Unavailable
from shared.times import Clock

MAX_PAUSE_SECONDS = 1.0


class WorkService:
    """Everything but `claim` raises ClaimLost once the claim is void; then nothing was written."""

    def __init__(
        self, store: ItemStore, changes: ItemChanges, queue: WorkQueue, clock: Clock, lease: timedelta = LEASE
    ) -> None:
        self._store, self._changes, self._queue, self._clock = store, changes, queue, clock
        self.lease = lease

    async def claim(self, account: AccountId, item: ItemId, lane: Lane = Lane.EXPRESS) -> ItemRow:
        """The row with a fresh claim. Raises ClaimLost when it is not this lane's turn, NotFound."""
        if await self._changes.is_closing(account):
            raise ClaimLost
        token = secrets.token_hex(16)
        return await self._changes.apply(
            account, item, lambda current: claims.claim(current, lane, token, self._clock(), self.lease)
        )

    async def check(self, claimed: ItemRow) -> None:
        """Only looks whether the claim still holds."""
        current = await self._store.get(claimed.account_id, claimed.item_id)
        if current is None or not (_holds(current, claimed) or _is_finished(current, claimed)):
            raise ClaimLost

    async def renew(self, claimed: ItemRow) -> None:
        token = _token(claimed)
        try:
            await self._changes.apply(
                claimed.account_id,
                claimed.item_id,
                lambda current: claims.renew(current, token, self._clock(), self.lease),
            )
        except (ClaimLost, NotFound):
            await self.check(claimed)

    async def hand_off(self, claimed: ItemRow, kind: ItemKind, result: Result, steps: Sequence[ReceiptStep]) -> ItemRow:
        """The first stage is done: the item waits for its second one. Repeated, it is no error."""
        token = _token(claimed)
        row = await self.commit_with_retry(
            claimed,
            lambda current: claims.hand_off(current, token, kind, result, self._clock()),
            steps,
            lambda current: current.lane is Lane.BULK and current.result == result,
        )
        return await self._queue.send_after_commit(row) if row.state is ItemState.QUEUED else row

    async def play(self, claimed: ItemRow, ladder: Ladder, steps: Sequence[ReceiptStep]) -> ItemRow:
        """The video can be played from here on, although the claim goes on. Repeated, it is no error."""
        token = _token(claimed)
        return await self.commit_with_retry(
            claimed,
            lambda current: None if current.ladder == ladder else claims.play(current, token, ladder),
            steps,
        )

    async def finish(
        self,
        claimed: ItemRow,
        kind: ItemKind,
        result: Result,
        steps: Sequence[ReceiptStep],
        ladder: Ladder | None = None,
    ) -> ItemRow:
        """The result counts from here on; sent again after an answer was lost, it is no error."""
        token = _token(claimed)
        return await self.commit_with_retry(
            claimed,
            lambda current: claims.finish(current, token, kind, result, self._clock(), ladder),
            steps,
            lambda current: current.state is ItemState.READY and current.result == result,
        )

    async def fail(self, claimed: ItemRow, failure: StoredFailure, steps: Sequence[ReceiptStep]) -> None:
        token = _token(claimed)
        await self.commit_with_retry(
            claimed,
            lambda current: claims.fail(current, token, failure, self._clock()),
            steps,
            lambda current: current.attempt == claimed.attempt and current.failure == failure,
        )

    async def give_back(self, claimed: ItemRow, wait: timedelta = timedelta()) -> None:
        """Costs the item no attempt. The message in the lane must be shown again, or the sweeper sends another."""
        token = _token(claimed)
        await self.commit_with_retry(claimed, lambda current: claims.give_back(current, token, self._clock(), wait))

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """The attempt died. Queued again after a wait, or `failed` the fifth time: the row tells."""
        token, lost_attempts = _token(claimed), claimed.lost_attempts + 1
        row = await self.commit_with_retry(
            claimed,
            lambda current: claims.record_lost_attempt(current, token, self._clock()),
            steps,
            lambda current: current.attempt == claimed.attempt and current.lost_attempts == lost_attempts,
        )
        return await self._queue.send_after_commit(row) if row.state is ItemState.QUEUED else row

    async def commit_with_retry(
        self,
        claimed: ItemRow,
        rule: Callable[[ItemRow], Change | None],
        steps: Sequence[ReceiptStep] = (),
        is_done: Callable[[ItemRow], bool] = lambda _current: False,
    ) -> ItemRow:
        """Writes what an attempt has come to. Tried for as long as the claim may hold: else minutes of work are thrown
        away, or the attempt counts as lost. `is_done` knows the row of an earlier try whose answer was lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.lease.total_seconds()
        while True:
            try:
                return await self._end(claimed, rule, steps, is_done)
            except Unavailable:
                pause = random.uniform(0.2, MAX_PAUSE_SECONDS)  # noqa: S311  jitter
                if loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)

    async def _end(
        self,
        claimed: ItemRow,
        rule: Callable[[ItemRow], Change | None],
        steps: Sequence[ReceiptStep],
        is_done: Callable[[ItemRow], bool],
    ) -> ItemRow:
        try:
            return await self._changes.apply(claimed.account_id, claimed.item_id, rule, steps=steps)
        except NotFound as gone:
            raise ClaimLost from gone
        except ClaimLost:
            current = await self._store.get(claimed.account_id, claimed.item_id)
            if current is None or not is_done(current):
                raise
            return current


def _holds(current: ItemRow, claimed: ItemRow) -> bool:
    return current.state is ItemState.PROCESSING and current.claim == claimed.claim


def _is_finished(current: ItemRow, claimed: ItemRow) -> bool:
    """This very attempt has just done its part: its worker may not know yet."""
    return current.result is not None and current.result.attempt == claimed.attempt


def _token(claimed: ItemRow) -> str:
    if claimed.claim is None:
        raise ClaimLost
    return claimed.claim
