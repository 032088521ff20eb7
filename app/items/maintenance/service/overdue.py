"""What happens to an item whose deadline has passed or whose claim has lapsed."""

from collections.abc import Callable
from datetime import datetime

from app.items.schema.row import ItemRow, Lane
from app.items.service.changes import ItemChanges
from app.items.service.lifecycle import Change
from app.items.service.queueing import QUEUES
from app.jobs.lapses import Lapses
from darkroom_shared.items import ItemState
from darkroom_shared.times import Clock


class OverdueItems:
    """Applies the rules of deadlines and leases, and reports each lapsed claim."""

    def __init__(self, *, changes: ItemChanges, clock: Clock, lapses: Lapses) -> None:
        self._changes, self._clock, self._lapses = changes, clock, lapses

    async def apply(self, row: ItemRow, rule: Callable[[ItemRow, datetime], Change | None]) -> ItemRow:
        """Apply the rule and return the row. Leaves a lapsed claim as it is while lapses are paused.

        Reports a lapsed claim once, although several workers sweep.
        """
        lapsed = False

        def apply_now(current: ItemRow) -> Change | None:
            nonlocal lapsed
            change = rule(current, self._clock())
            lapsed = change is not None and _lost_attempts(change.row) > _lost_attempts(current)
            if lapsed and self._lapses.are_paused:
                lapsed = False
                return None
            return change

        changed = await self._changes.apply(row.account_id, row.item_id, apply_now)
        if lapsed:
            self._lapses.report(QUEUES[Lane.BULK if row.state is ItemState.READY else row.lane])
        return changed


def _lost_attempts(row: ItemRow) -> int:
    """Return the lost attempts at the item and at its reprocessing."""
    return row.lost_attempts + (row.remake.lost_attempts if row.remake else 0)
