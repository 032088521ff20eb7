"""What happens to an item whose deadline has passed or whose claim has lapsed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from app.items.reprocessing.service import rules as reprocess_rules
from app.items.schema.row import ItemRow, Lane
from app.items.service import claims
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
        """Apply the rule and return the row; see `Lapses.apply`."""
        return await self._lapses.apply(
            partial(self._changes.apply, row.account_id, row.item_id),
            lambda current: rule(current, self._clock()),
            lambda current, extension: _renew(current, self._clock(), extension),
            lost_attempts=_lost_attempts,
            queue=QUEUES[Lane.BULK if row.state is ItemState.READY else row.lane],
        )


def _renew(row: ItemRow, now: datetime, extension: timedelta) -> Change:
    renew = claims.renew if row.state is ItemState.PROCESSING else reprocess_rules.renew
    return renew(row, row.claim or "", now, extension)


def _lost_attempts(row: ItemRow) -> int:
    """Return the lost attempts at the item and at its reprocessing."""
    return row.lost_attempts + (row.remake.lost_attempts if row.remake else 0)
