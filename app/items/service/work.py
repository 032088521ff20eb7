"""A worker's actions on an item: claim it, renew the claim, and end it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from app.items.schema.row import ItemRow, Ladder, Lane, Result, StoredFailure
from app.items.service import claims
from app.items.service.changes import ItemChanges
from app.items.service.lifecycle import LEASE, Change
from app.items.service.queueing import WorkQueue
from app.items.store import ItemStore
from app.jobs import revisions
from app.jobs.claim import ClaimLost, new_token, token_of
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemKind, ItemState, ReceiptStep
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock


class WorkService:
    """All methods but `claim` raise ClaimLost once the claim is void; nothing is written then."""

    def __init__(
        self, *, store: ItemStore, changes: ItemChanges, queue: WorkQueue, clock: Clock, lease: timedelta = LEASE
    ) -> None:
        self._store, self._changes, self._queue, self._clock = store, changes, queue, clock
        self.lease = lease

    async def claim(self, account: AccountId, item: ItemId, lane: Lane = Lane.EXPRESS) -> ItemRow:
        """Claim the item and return its row. Raises NotFound, or ClaimLost if it does not wait in this lane."""
        if await self._changes.is_closing(account):
            raise ClaimLost
        token = new_token()
        return await revisions.claim_or_return(
            partial(self._changes.apply, account, item),
            lambda current: claims.claim(current, lane, token, self._clock(), self.lease),
            lambda current: claims.return_claim(current, token, self._clock()),
            self.lease.total_seconds(),
        )

    async def check(self, claimed: ItemRow) -> None:
        """Raise ClaimLost if the claim is void. Writes nothing."""
        current = await self._store.get(claimed.account_id, claimed.item_id)
        if current is None or not (_holds(current, claimed) or _is_finished(current, claimed)):
            raise ClaimLost

    async def renew(self, claimed: ItemRow) -> None:
        """Extend the lease. Raises ClaimLost, but not if this attempt has finished meanwhile."""
        token = token_of(claimed)
        try:
            await self._changes.apply(
                claimed.account_id,
                claimed.item_id,
                lambda current: claims.renew(current, token, self._clock(), self.lease),
            )
        except (ClaimLost, NotFound):
            await self.check(claimed)

    async def hand_off(self, claimed: ItemRow, kind: ItemKind, result: Result, steps: Sequence[ReceiptStep]) -> ItemRow:
        """End the first stage and queue the second one. Repeating it is not an error."""
        token = token_of(claimed)
        row = await self.commit_with_retry(
            claimed,
            lambda current: claims.hand_off(current, token, kind, result, self._clock()),
            steps,
            lambda current: current.lane is Lane.BULK and current.result == result,
        )
        return await self._queue.send_after_commit(row) if row.state is ItemState.QUEUED else row

    async def play(self, claimed: ItemRow, ladder: Ladder, steps: Sequence[ReceiptStep]) -> ItemRow:
        """Make the video playable while the claim continues. Repeating it is not an error."""
        token = token_of(claimed)
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
        """Make the result current. Repeating it after a lost response is not an error."""
        token = token_of(claimed)
        return await self.commit_with_retry(
            claimed,
            lambda current: claims.finish(current, token, kind, result, self._clock(), ladder),
            steps,
            lambda current: current.state is ItemState.READY and current.result == result,
        )

    async def fail(self, claimed: ItemRow, failure: StoredFailure, steps: Sequence[ReceiptStep]) -> None:
        """Fail the item for good. Repeating it is not an error. Raises ClaimLost."""
        token = token_of(claimed)
        await self.commit_with_retry(
            claimed,
            lambda current: claims.fail(current, token, failure, self._clock()),
            steps,
            lambda current: current.attempt == claimed.attempt and current.failure == failure,
        )

    async def return_claim(self, claimed: ItemRow, wait: timedelta = timedelta()) -> None:
        """Return the item without counting an attempt. The lane's message must become visible again, or the sweeper
        sends another."""
        token = token_of(claimed)
        await self.commit_with_retry(claimed, lambda current: claims.return_claim(current, token, self._clock(), wait))

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """Record a crashed attempt. The returned row is queued again after a wait, or `failed` the fifth time."""
        token, lost_attempts = token_of(claimed), claimed.lost_attempts + 1
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
        """Commit the outcome of an attempt, retrying for as long as the lease can hold: otherwise minutes of work
        would be discarded, or the attempt would count as lost. `is_done` recognises the row of an earlier try
        whose response was lost."""
        return await revisions.commit_with_retry(
            lambda: self._end(claimed, rule, steps, is_done), self.lease.total_seconds()
        )

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
    """Return whether this attempt has already committed its result, which its worker may not know yet."""
    return current.result is not None and current.result.attempt == claimed.attempt
