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

    async def check(self, claimed: ItemRow) -> None: ...

    async def renew(self, claimed: ItemRow) -> None: ...

    async def fail(self, claimed: ItemRow, failure: StoredFailure, steps: Sequence[ReceiptStep], /) -> None: ...

    async def give_back(self, claimed: ItemRow, wait: timedelta = ..., /) -> None: ...

    async def record_lost_attempt(self, claimed: ItemRow, steps: Sequence[ReceiptStep]) -> ItemRow: ...


class Outcomes(Protocol):
    """Where a pipeline records its results. Every method raises ClaimLost."""

    async def hand_off(
        self, claimed: ItemRow, kind: ItemKind, result: Result, steps: Sequence[ReceiptStep], /
    ) -> ItemRow: ...

    async def play(self, claimed: ItemRow, ladder: Ladder, steps: Sequence[ReceiptStep], /) -> ItemRow: ...

    async def finish(
        self,
        claimed: ItemRow,
        kind: ItemKind,
        result: Result,
        steps: Sequence[ReceiptStep],
        ladder: Ladder | None = None,
    ) -> ItemRow: ...
