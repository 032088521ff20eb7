"""Waking the followers: how far they are to get, and a message that says whose log has grown."""

from collections.abc import Sequence

import structlog

from app.events.cursors import CursorStore
from app.stores.resources import NUDGES_QUEUE
from app.stores.sqs import Queues
from shared.ids import AccountId
from shared.problems import Problem

log = structlog.get_logger()


class ProjectionNudges:
    def __init__(self, cursors: CursorStore, queues: Queues, projections: Sequence[str]) -> None:
        """`standing`: the names of the followers that every account has."""
        self._cursors, self._queues, self._projections = cursors, queues, projections

    async def mark_behind(self, account: AccountId, number: int) -> None:
        """From here on the followers' rounds find the account, whatever becomes of the nudge. Raises Unavailable."""
        await self._cursors.mark_behind(account, number, self._projections)

    async def nudge(self, account: AccountId) -> None:
        """So that they need not wait for their round; may be lost."""
        try:
            await self._queues.send(NUDGES_QUEUE, {"account_id": account}, group=account)
        except Problem as problem:
            log.warning("nudge.unsent", account=account, reason=str(problem))
