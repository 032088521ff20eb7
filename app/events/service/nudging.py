"""Waking the projections: their target number in Aurora, and an SQS message that names the account."""

from collections.abc import Sequence

from app.events.store.cursors import CursorStore
from app.jobs.after_commit import try_after_commit
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Queues
from darkroom_shared.ids import AccountId

NUDGE_SECONDS = 2.0
"""Limit of one nudge: other accounts are announced after it, and without it the projections' poll finds the account."""


class ProjectionNudges:
    """Announces new events to the projections' workers."""

    def __init__(self, cursors: CursorStore, queues: Queues, projections: Sequence[str]) -> None:
        """`projections`: the names of the projections that every account has."""
        self._cursors, self._queues, self._projections = cursors, queues, projections

    async def mark_behind(self, account: AccountId, number: int) -> None:
        """From now on the projections' polls find the account, even if the nudge is lost. Raises Unavailable."""
        await self._cursors.mark_behind(account, number, self._projections)

    async def nudge(self, account: AccountId) -> None:
        """Wake the projections before their next poll. A failure is logged only."""
        sending = self._queues.send(NUDGES_QUEUE, {"account_id": account}, group=account)
        await try_after_commit(sending, "nudge", NUDGE_SECONDS, account=account)
