"""What a worker does to a ready item that is made anew: the same calls as for a new one, another outcome."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from app.items import reprocess_rules
from app.items.changes import ItemChanges
from app.items.claims import ClaimLost
from app.items.lifecycle import LEASE, Change
from app.items.row import ItemRow, Ladder, Lane, Result, StoredFailure
from app.items.store import ItemStore
from app.items.work import WorkService
from shared.ids import AccountId, ItemId
from shared.items import ItemKind, ItemState, ReceiptStep
from shared.times import Clock


class ReprocessWork:
    """Everything but `claim` raises ClaimLost once the claim is void; then nothing was written."""

    def __init__(
        self,
        store: ItemStore,
        changes: ItemChanges,
        work: WorkService,
        recipe: str,
        clock: Clock,
        lease: timedelta = LEASE,
    ) -> None:
        """`recipe` is what this worker makes; what was asked for by another one it leaves to others."""
        self._store, self._changes, self._work = store, changes, work
        self._recipe, self._clock = recipe, clock
        self.lease = lease

    async def claim(self, account: AccountId, item: ItemId, _lane: Lane = Lane.BULK) -> ItemRow:
        """The row with a fresh claim. Raises ClaimLost when nobody asked for it or it is done, NotFound."""
        if await self._changes.is_closing(account):
            raise ClaimLost
        token = secrets.token_hex(16)
        return await self._changes.apply(
            account,
            item,
            lambda current: reprocess_rules.begin(current, self._recipe, token, self._clock(), self.lease),
        )

    async def check(self, claimed: ItemRow) -> None:
        """Only looks whether the claim still holds."""
        current = await self._store.get(claimed.account_id, claimed.item_id)
        if current is None or current.state is not ItemState.READY:
            raise ClaimLost
        done = current.result is not None and current.result.attempt == claimed.attempt
        if current.claim != claimed.claim and not done:
            raise ClaimLost

    async def renew(self, claimed: ItemRow) -> None:
        token = _token(claimed)
        try:
            await self._changes.apply(
                claimed.account_id,
                claimed.item_id,
                lambda current: reprocess_rules.renew(current, token, self._clock(), self.lease),
            )
        except ClaimLost:
            await self.check(claimed)

    async def hand_off(
        self, claimed: ItemRow, kind: ItemKind, result: Result, _steps: Sequence[ReceiptStep]
    ) -> ItemRow:
        """The poster is made; the same attempt goes on, and nothing is told before the whole is there."""
        return replace(claimed, kind=kind, result=result)

    async def play(self, claimed: ItemRow, _ladder: Ladder, _steps: Sequence[ReceiptStep]) -> ItemRow:
        """Nothing: it can be played as it was before."""
        return claimed

    async def finish(
        self,
        claimed: ItemRow,
        kind: ItemKind,
        result: Result,
        steps: Sequence[ReceiptStep],
        ladder: Ladder | None = None,
    ) -> ItemRow:
        """The new files count from here on; sent again after an answer was lost, it is no error."""
        token = _token(claimed)
        return await self._work.commit_with_retry(
            claimed,
            lambda current: reprocess_rules.finish(current, token, kind, result, ladder, self._clock()),
            steps,
            lambda current: current.result == result,
        )

    async def fail(self, claimed: ItemRow, _failure: StoredFailure, steps: Sequence[ReceiptStep]) -> None:
        """The item stays as it was."""
        token = _token(claimed)
        await self._release(claimed, lambda current: reprocess_rules.fail(current, token, self._clock()), steps)

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """A decoder died of it: this time that is a failure at once, for the item has all it needs."""
        token = _token(claimed)
        return await self._release(claimed, lambda current: reprocess_rules.fail(current, token, self._clock()), steps)

    async def give_back(self, claimed: ItemRow, _wait: timedelta = timedelta()) -> None:
        token = _token(claimed)
        await self._release(claimed, lambda current: reprocess_rules.give_back(current, token, self._clock()), ())

    async def _release(
        self, claimed: ItemRow, rule: Callable[[ItemRow], Change | None], steps: Sequence[ReceiptStep]
    ) -> ItemRow:
        return await self._work.commit_with_retry(
            claimed, rule, steps, lambda current: current.claim is None and current.attempt == claimed.attempt
        )


def _token(claimed: ItemRow) -> str:
    if claimed.claim is None:
        raise ClaimLost
    return claimed.claim
