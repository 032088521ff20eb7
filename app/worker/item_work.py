"""Operations of an attempt on its item, for new items and for reprocessing alike."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from app.items.schema.row import ItemRow, Ladder, Lane, Result, StoredFailure
from darkroom_shared.ids import AccountId, ItemId
from darkroom_shared.items import ItemKind, ReceiptStep


class Claims(Protocol):
    """Every method except `claim` raises ClaimLost if the claim is void; then nothing was written."""

    lease: timedelta

    async def claim(self, account: AccountId, item: ItemId, lane: Lane, /) -> ItemRow:
        """Claim the item. Raises ClaimLost, NotFound."""
        ...

    async def check(self, claimed: ItemRow) -> None:
        """Raise ClaimLost if the claim is void. Writes nothing."""
        ...

    async def renew(self, claimed: ItemRow) -> None:
        """Extend the lease."""
        ...

    async def fail(self, claimed: ItemRow, failure: StoredFailure, steps: Sequence[ReceiptStep], /) -> None:
        """Record that the item cannot be processed."""
        ...

    async def return_claim(self, claimed: ItemRow, wait: timedelta = ..., /) -> None:
        """Return the item uncounted; it is not claimed before `wait` has passed."""
        ...

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow:
        """Count a crashed attempt. The returned row is queued again, or has failed."""
        ...


class Outcomes(Protocol):
    """Where a pipeline records its results. Every method raises ClaimLost."""

    async def hand_off(
        self, claimed: ItemRow, kind: ItemKind, result: Result, steps: Sequence[ReceiptStep], /
    ) -> ItemRow:
        """End the first stage of a video: store the poster as its result, and queue the second stage."""
        ...

    async def play(self, claimed: ItemRow, ladder: Ladder, steps: Sequence[ReceiptStep], /) -> ItemRow:
        """Make the video playable by the rungs that are complete so far."""
        ...

    async def finish(
        self,
        claimed: ItemRow,
        kind: ItemKind,
        result: Result,
        steps: Sequence[ReceiptStep],
        ladder: Ladder | None = None,
    ) -> ItemRow:
        """Make the item ready. `ladder` is the final one of a video."""
        ...
