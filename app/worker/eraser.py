"""Erasure of closed accounts: two passes over all capabilities, the second when no writer can be left."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum

import structlog

from app.accounts.store.closed import ClosedAccounts, ClosedRow, Counts
from app.events.service.erasure import EventErasure
from app.exports.service.erasure import ExportErasure
from app.items.deletion.service.erasure import ItemErasure
from app.items.service.lifecycle import CLEANUP_AFTER
from app.jobs.claim import ClaimLost
from app.jobs.isolation import isolate
from app.jobs.loop import run_periodically
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock

log = structlog.get_logger()

ERASE_SECONDS = 5.0

Erase = Callable[[AccountId], AsyncIterator[int]]
"""Erases an account's data of one capability, page by page, and yields the number erased in each."""


class ErasureStep(StrEnum):
    """The steps in the order in which they run. The first pass ends with `note_first_erasure`; only the second
    runs those after it."""

    CLOSE_EVENTS = "close_events"
    COUNT = "count"
    """In the first pass only."""
    ERASE_ROWS = "erase_rows"
    ERASE_REQUESTS = "erase_requests"
    ERASE_OBJECTS = "erase_objects"
    ERASE_EXPORTS = "erase_exports"
    ERASE_COMMENTS = "erase_comments"
    ERASE_ALBUMS = "erase_albums"
    ERASE_RELATIONAL_EVENTS = "erase_relational_events"
    ERASE_INDEX = "erase_index"
    ERASE_EVENTS = "erase_events"
    NOTE_FIRST_ERASURE = "note_first_erasure"
    DROP_EVENTS = "drop_events"
    NOTE_ERASED = "note_erased"


class Eraser:
    """Every step may be killed and repeated, also by two workers at once; the result is the same."""

    def __init__(
        self,
        *,
        closed: ClosedAccounts,
        items: ItemErasure,
        exports: ExportErasure,
        events: EventErasure,
        clock: Clock,
        further_steps: Sequence[tuple[ErasureStep, Erase]] = (),
    ) -> None:
        """`further_steps` run in their order."""
        self._closed, self._items, self._exports = closed, items, exports
        self._events, self._clock, self._further_steps = events, clock, further_steps

    async def run(self, stopping: asyncio.Event) -> None:
        await run_periodically("eraser", ERASE_SECONDS, stopping, self.process)

    async def process(self, _shard: int = 0) -> None:
        """Run one pass for each account that is due. A failure of one does not delay the others."""
        for account in await self._closed.due():
            with structlog.contextvars.bound_contextvars(account=account):
                await isolate(self._erase(account), "eraser", account=account)

    async def _erase(self, account: AccountId) -> None:
        """Run one pass unless another eraser has the account. Ends early if one has taken it after this lease ended."""
        closed = await self._closed.take(account)
        if closed is None:
            return
        try:
            await self._run_pass(closed)
        except ClaimLost:
            log.warning("claim.lost")

    async def _run_pass(self, closed: ClosedRow) -> None:
        account = closed.id
        _began(ErasureStep.CLOSE_EVENTS)
        await self._events.close(account)
        if closed.counts is None:
            await self._count(closed)
        for step, pages in (
            (ErasureStep.ERASE_ROWS, self._items.erase_rows(account)),
            (ErasureStep.ERASE_REQUESTS, self._items.erase_requests(account)),
            (ErasureStep.ERASE_OBJECTS, self._items.erase_objects(account)),
            (ErasureStep.ERASE_EXPORTS, self._exports.erase(account)),
            *((step, erase(account)) for step, erase in self._further_steps),
            (ErasureStep.ERASE_EVENTS, self._events.erase(account)),
        ):
            closed = await self._run(closed, step, pages)
        if closed.emptied_at is None:
            _began(ErasureStep.NOTE_FIRST_ERASURE)
            await self._closed.record_first_erasure(closed, self._clock() + CLEANUP_AFTER)
            return
        _began(ErasureStep.DROP_EVENTS)
        await self._events.drop(account)
        _began(ErasureStep.NOTE_ERASED)
        await self._closed.record_erased(closed)
        log.info("account.erased")

    async def _count(self, closed: ClosedRow) -> None:
        """Count before anything is erased."""
        _began(ErasureStep.COUNT)
        events = await self._events.count_events(closed.id)
        survey = await self._items.survey(closed.id, closed.closed_at)
        await self._closed.record_counts(closed.id, Counts(survey.items, survey.bytes, events), survey.uploads_end)

    async def _run(self, closed: ClosedRow, step: ErasureStep, pages: AsyncIterator[int]) -> ClosedRow:
        """Run one step; return the row with the lease as renewed after its last page."""
        _began(step)
        count = 0
        async for erased in pages:
            count += erased
            closed = await self._closed.renew(closed)
        log.info("step.ended", step=step.value, count=count)
        return closed


def _began(step: ErasureStep) -> None:
    log.info("step.began", step=step.value)
