"""A worker's calls while it reprocesses a ready item: the interface of WorkService with other outcomes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.row import ItemRow, Ladder, Lane, Result, StoredFailure
from app.items.service.changes import ItemChanges
from app.items.service.lifecycle import LEASE
from app.items.service.work import WorkService
from app.items.store import ItemStore
from app.jobs.claim import ClaimLost, new_token, token_of
from app.jobs.revisions import claim_or_return
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemKind, ItemState, ReceiptStep
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock


class ReprocessWork:
    """All methods but `claim` raise ClaimLost once the claim is void; nothing is written then."""

    def __init__(
        self,
        *,
        store: ItemStore,
        changes: ItemChanges,
        work: WorkService,
        recipe: str,
        clock: Clock,
        lease: timedelta = LEASE,
    ) -> None:
        """`recipe` is this worker's recipe. Requests for another recipe are left to other workers."""
        self._store, self._changes, self._work = store, changes, work
        self._recipe, self._clock = recipe, clock
        self.lease = lease

    async def claim(self, account: AccountId, item: ItemId, _lane: Lane = Lane.BULK) -> ItemRow:
        """Claim the item and return its row. Raises NotFound, or ClaimLost if it is not requested or already done."""
        if await self._changes.is_closing(account):
            raise ClaimLost
        token = new_token()
        return await claim_or_return(
            partial(self._changes.apply, account, item),
            lambda current: reprocess_rules.begin(current, self._recipe, token, self._clock(), self.lease),
            lambda current: reprocess_rules.return_claim(current, token, self._clock()),
            self.lease.total_seconds(),
        )

    async def check(self, claimed: ItemRow) -> None:
        """Raise ClaimLost if the claim is void. Writes nothing."""
        current = await self._store.get(claimed.account_id, claimed.item_id)
        if current is None or current.state is not ItemState.READY:
            raise ClaimLost
        done = current.result is not None and current.result.attempt == claimed.attempt
        if current.claim != claimed.claim and not done:
            raise ClaimLost

    async def renew(self, claimed: ItemRow) -> None:
        """Extend the lease. Raises ClaimLost, but not if this attempt has finished meanwhile."""
        token = token_of(claimed)
        try:
            await self._changes.apply(
                claimed.account_id,
                claimed.item_id,
                lambda current: reprocess_rules.renew(current, token, self._clock(), self.lease),
            )
        except (ClaimLost, NotFound):
            await self.check(claimed)

    async def hand_off(
        self, claimed: ItemRow, kind: ItemKind, result: Result, _steps: Sequence[ReceiptStep]
    ) -> ItemRow:
        """Keep the result in memory: the same attempt continues, and nothing is published before all files exist."""
        return replace(claimed, kind=kind, result=result)

    async def play(self, claimed: ItemRow, _ladder: Ladder, _steps: Sequence[ReceiptStep]) -> ItemRow:
        """Return the claim unchanged: the video stays playable by its current files."""
        return claimed

    async def finish(
        self,
        claimed: ItemRow,
        kind: ItemKind,
        result: Result,
        steps: Sequence[ReceiptStep],
        ladder: Ladder | None = None,
    ) -> ItemRow:
        """Make the new files current. Repeating it after a lost response is not an error."""
        token = token_of(claimed)
        return await self._work.commit_with_retry(
            claimed,
            lambda current: reprocess_rules.finish(current, token, kind, result, ladder, self._clock()),
            steps,
            lambda current: current.result == result,
        )

    async def fail(self, claimed: ItemRow, _failure: StoredFailure, steps: Sequence[ReceiptStep]) -> None:
        """Record the failure; the item itself stays unchanged."""
        await self._fail(claimed, steps)

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """Fail at once when a decoder crashed: no further attempt is needed, because the item already has its files."""
        return await self._fail(claimed, steps)

    async def return_claim(self, claimed: ItemRow, _wait: timedelta = timedelta()) -> None:
        """Return the claim without a failure: the item waits for the next attempt. Raises ClaimLost."""
        token = token_of(claimed)
        await self._work.commit_with_retry(
            claimed, lambda current: reprocess_rules.return_claim(current, token, self._clock())
        )

    async def _fail(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        token, lost_attempts = token_of(claimed), _lost_attempts(claimed)
        return await self._work.commit_with_retry(
            claimed,
            lambda current: reprocess_rules.fail(current, token, self._clock()),
            steps,
            lambda current: (
                current.attempt == claimed.attempt and _has_failed(current) and _lost_attempts(current) == lost_attempts
            ),  # otherwise its lease has expired
        )


def _has_failed(row: ItemRow) -> bool:
    return row.remake is not None and row.remake.failed


def _lost_attempts(row: ItemRow) -> int:
    return row.remake.lost_attempts if row.remake else 0
