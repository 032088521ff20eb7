"""Apply a new recipe to ready items: survey them, request reprocessing in small batches, roll back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.row import ItemRow
from app.items.service.changes import ItemChanges
from app.items.service.lifecycle import Change
from app.items.store import ItemStore
from app.stores.resources import BULK_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemKind, ItemState
from darkroom_shared.problems import NotFound
from darkroom_shared.times import Clock

POLL_SECONDS = 0.25
PHOTOS_FOR_A_VIDEO = 8
"""This many photos count as one video in the lane, because a photo takes a fraction of a second."""
SAMPLE = 200
"""Number of receipts per kind that an estimate is based on: those of the first stale items."""
_REPEATED_STEPS = frozenset({"download", "probe", "poster", "make", "encode", "join", "upload"})
"""The steps of a receipt that reprocessing repeats."""


def is_reprocess(body: dict[str, object]) -> bool:
    """Return whether a message of the bulk lane requests reprocessing."""
    return body.get("remake") is True


class Outcome(StrEnum):
    """How a stale item was settled. RESTORED: its previous files of this recipe are current again, without work."""

    REPROCESSED = "reprocessed"
    RESTORED = "restored"
    FAILED = "failed"
    GONE = "gone"


@dataclass(slots=True)
class Measured:
    """Statistics of one kind of item, from receipts. `amount` is in seconds of video, or in items for photos."""

    stale: int = 0
    amount: float = 0
    sampled: int = 0
    sampled_amount: float = 0
    sampled_seconds: float = 0

    @property
    def seconds(self) -> float | None:
        """Return the estimated seconds of one slot for all stale items, or None if no receipt has a duration."""
        if self.stale == 0:
            return 0.0
        return self.sampled_seconds / self.sampled_amount * self.amount if self.sampled_amount else None


@dataclass(slots=True)
class Survey:
    """How much is to be reprocessed."""

    ready: int = 0
    stale: int = 0
    restored: int = 0
    """Stale items that need no work: previous files of this recipe are still kept."""
    by_kind: dict[ItemKind, Measured] = field(default_factory=lambda: {kind: Measured() for kind in ItemKind})

    @property
    def seconds(self) -> float | None:
        """Return the estimated seconds of one slot, or None if it is unknown for a kind."""
        known = [each.seconds for each in self.by_kind.values()]
        return None if any(seconds is None for seconds in known) else sum(seconds or 0 for seconds in known)


class Reprocessing:
    """Reprocess all stale items. It can be killed and run again: it does only what is missing."""

    def __init__(
        self,
        *,
        store: ItemStore,
        changes: ItemChanges,
        queues: Queues,
        recipe: str,
        clock: Clock,
        account: AccountId | None = None,
    ) -> None:
        """`recipe` is this release's; `account` limits everything to one account."""
        self._store, self._changes, self._queues = store, changes, queues
        self._recipe, self._clock, self._account = recipe, clock, account

    async def survey(self) -> Survey:
        """Count the stale items and estimate the work. Read-only."""
        survey = Survey()
        async for row in self._all_rows():
            if row.state is not ItemState.READY:
                continue
            survey.ready += 1
            if not reprocess_rules.is_stale(row, self._recipe):
                continue
            survey.stale += 1
            if reprocess_rules.restore_previous(row, self._recipe, self._clock()):
                survey.restored += 1
            else:
                await self._measure(row, survey.by_kind[row.kind or ItemKind.IMAGE])
        return survey

    async def run(self, slots: int, on_outcome: Callable[[Outcome, ItemId], None]) -> Counter[Outcome]:
        """Request reprocessing of all stale items, and wait for each; call `on_outcome` with each outcome.

        Keeps at most `slots` slots of the bulk lane busy, and only while no other work waits there.
        """
        outcomes: Counter[Outcome] = Counter()
        requested: dict[ItemId, ItemRow] = {}

        def settle(outcome: Outcome, item: ItemId) -> None:
            outcomes[outcome] += 1
            on_outcome(outcome, item)

        async for row in self._all_rows():
            if not reprocess_rules.is_stale(row, self._recipe):
                continue
            if await self._restore_previous(row):
                settle(Outcome.RESTORED, row.item_id)
                continue
            while _slots_taken(requested) >= slots or await self._other_work_waits(requested):
                await self._track(requested, settle)
            if await self._request(row):
                requested[row.item_id] = row
        while requested:
            await self._track(requested, settle)
        return outcomes

    async def roll_back(self) -> int:
        """Restore the stored files that this recipe's files replaced. Returns the number of items."""
        restored = 0
        async for row in self._all_rows():
            if reprocess_rules.roll_back(row, self._recipe, self._clock()) is None:
                continue
            restored += await self._apply(
                row, lambda current: reprocess_rules.roll_back(current, self._recipe, self._clock())
            )
        return restored

    async def _restore_previous(self, row: ItemRow) -> bool:
        if reprocess_rules.restore_previous(row, self._recipe, self._clock()) is None:
            return False
        return await self._apply(
            row, lambda current: reprocess_rules.restore_previous(current, self._recipe, self._clock())
        )

    async def _apply(self, row: ItemRow, rule: Callable[[ItemRow], Change | None]) -> bool:
        """Return whether anything changed. A deleted item is not an error."""
        try:
            return (await self._changes.apply(row.account_id, row.item_id, rule)).revision > row.revision
        except NotFound:
            return False

    async def _request(self, stale: ItemRow) -> bool:
        """Request reprocessing and return whether to wait for its outcome. The message only wakes a worker; the row
        holds the request."""
        account, item, is_requested = stale.account_id, stale.item_id, False

        def request(current: ItemRow) -> Change | None:
            nonlocal is_requested
            change = reprocess_rules.request(current, self._recipe, self._clock())
            is_requested = change is not None
            return change

        try:
            row = await self._changes.apply(account, item, request)
        except NotFound:
            return False
        if is_requested:
            body = {"account_id": account, "item_id": item, "remake": True}
            await self._queues.send(BULK_QUEUE, body, group=account)
        return reprocess_rules.is_stale(row, self._recipe)

    async def _track(self, requested: dict[ItemId, ItemRow], settle: Callable[[Outcome, ItemId], None]) -> None:
        """Wait for POLL_SECONDS, then settle finished items and request lost ones again."""
        await asyncio.sleep(POLL_SECONDS)
        rows = {row.item_id: row for row in await self._rows(requested)}
        for item, stale in list(requested.items()):
            outcome = self._outcome(rows.get(item))
            if outcome is None:
                await self._request(stale)
            else:
                del requested[item]
                settle(outcome, item)

    def _outcome(self, row: ItemRow | None) -> Outcome | None:
        """Return the outcome, or None while it is pending."""
        if row is None or row.state is not ItemState.READY:
            return Outcome.GONE
        if not reprocess_rules.is_stale(row, self._recipe):
            return Outcome.REPROCESSED
        return Outcome.FAILED if row.remake is not None and row.remake.failed else None

    async def _other_work_waits(self, requested: dict[ItemId, ItemRow]) -> bool:
        """Return whether the lane holds more messages than our own unclaimed ones."""
        waiting = (await self._queues.depth(BULK_QUEUE))["waiting"]
        unclaimed = sum(1 for row in await self._rows(requested) if row.claim is None)
        return waiting > unclaimed

    async def _rows(self, requested: dict[ItemId, ItemRow]) -> list[ItemRow]:
        return await self._store.get_many([(row.account_id, item) for item, row in requested.items()])

    async def _all_rows(self) -> AsyncIterator[ItemRow]:
        if self._account is not None:
            async for page in self._store.pages_of(self._account):
                for row in page:
                    yield row
            return
        async for row in self._store.all_rows():
            yield row

    async def _measure(self, row: ItemRow, measured: Measured) -> None:
        amount = row.duration_seconds or 0.0 if row.kind is ItemKind.VIDEO else 1.0
        measured.stale += 1
        measured.amount += amount
        if measured.sampled < SAMPLE and amount:
            newest: dict[str, float] = {}
            for step in await self._store.receipt(row.item_id):
                if step.step in _REPEATED_STEPS and step.seconds is not None:
                    newest[step.step] = step.seconds
            if newest:
                measured.sampled += 1
                measured.sampled_amount += amount
                measured.sampled_seconds += sum(newest.values())


def _slots_taken(requested: dict[ItemId, ItemRow]) -> float:
    return sum(1 if row.kind is ItemKind.VIDEO else 1 / PHOTOS_FOR_A_VIDEO for row in requested.values())
