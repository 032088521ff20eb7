"""Updating the projections from the logs: each event is applied once, despite crashes, duplicates and lost nudges."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from app.events.schema.values import Cursor, Step, nothing
from app.events.service.log import EventLog
from app.events.store.cursors import CursorStore
from app.jobs.isolation import capture
from darkroom_shared.events import Event
from darkroom_shared.ids import AccountId
from darkroom_shared.problems import EventsGone, Unavailable

PAGE_EVENTS = 100
"""Events that one transaction applies."""
ATTEMPTS = 20
"""Attempts to write one page of rows while another process applies events."""
POLL_SECONDS = 1.0
"""Seconds between two checks whether another process has completed the fill."""


class Projection(Protocol):
    """An index inside the service that is kept up to date from the event logs."""

    @property
    def name(self) -> str:
        """Stable, at most 40 characters: the key of its cursors."""
        ...

    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        """Read what is needed to apply these consecutive events. May be called again for the same events."""
        ...

    async def read_page(self, account: AccountId, after: str | None) -> tuple[Step, str | None]:
        """For a new projection: read a page of the rows that events are about; return its step and the next position.

        The step replaces all that the projection has of this page. The position is None after the last page.
        """
        ...

    async def new_accounts(self) -> Sequence[AccountId]:
        """Return accounts that have no cursor yet although they should, because no event has created it."""
        ...


class ProjectionUpdater:
    """Applies the event logs to the projections. Every method may run in several processes at once."""

    def __init__(self, log: EventLog, cursors: CursorStore, projections: Sequence[Projection]) -> None:
        self._log, self._cursors, self.projections = log, cursors, projections

    async def apply_events(self, account: AccountId) -> None:
        """Apply all events of the account's log to all projections. Raises Unavailable.

        If one projection fails, its error is raised once the others are up to date.
        """
        results = [await capture(self.catch_up(projection, account)) for projection in self.projections]
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def catch_up(self, projection: Projection, account: AccountId) -> bool:
        """Apply all events. Returns False while another process reads the rows and will continue afterwards.

        If that process crashes, a later poll continues. Returns True at once if there is no cursor yet.
        """
        while cursor := await self._cursors.get(projection.name, account):
            if self._cursors.is_being_filled(cursor):
                return False
            if cursor.applied is None:
                await self._fill(projection, cursor)
            elif not await self._advance(projection, cursor, cursor.applied):
                break
        return True

    async def rebuild(self, projection: Projection, account: AccountId) -> None:
        """Read all rows again while events are still applied; existing entries stay available meanwhile."""
        await self._cursors.enrol(projection.name, [account])
        cursor = await self._cursors.get(projection.name, account)
        if cursor is not None and cursor.applied is not None:
            await self._read_rows(projection, account)
        while not await self.catch_up(projection, account):  # noqa: ASYNC110  the process that fills sends no signal
            await asyncio.sleep(POLL_SECONDS)

    async def enrol_new_accounts(self, projection: Projection) -> None:
        """Create a cursor for each account that the projection lacks. Idempotent."""
        await self._cursors.enrol(projection.name, await projection.new_accounts())

    async def accounts(self, projection: Projection, after: str, limit: int) -> list[AccountId]:
        """Return accounts above `after` with a cursor, by id."""
        return await self._cursors.accounts(projection.name, after, limit)

    async def accounts_behind(self, projection: Projection, after: str, limit: int) -> list[AccountId]:
        """Like `accounts`, but only those whose cursor is behind the requested events."""
        return await self._cursors.behind(projection.name, after, limit)

    async def _advance(self, projection: Projection, cursor: Cursor, applied: int) -> bool:
        """Apply one page; return whether there may be more. Applies nothing if another worker has written first."""
        try:
            page = await self._log.read(cursor.account, applied, limit=PAGE_EVENTS)
        except EventsGone:
            cleared = await self._cursors.write(cursor, nothing, None)
            if cleared is not None:
                await self._fill(projection, cleared)
            return True
        if not page.events:
            return False
        step = await projection.prepare(cursor.account, page.events)
        written = await self._cursors.write(cursor, step, page.read_to)
        return written is None or page.read_to < page.head

    async def _fill(self, projection: Projection, cursor: Cursor) -> None:
        """Read the head before the rows: later changes have a higher number and are applied again.

        Ends early if another process has taken over after the lease expired.
        """
        head = await self._log.head(cursor.account)
        own_cursor: Cursor | None = cursor
        position: str | None = None
        while own_cursor is not None and own_cursor.applied is None:
            step, position = await projection.read_page(cursor.account, position)
            own_cursor = await self._cursors.write(own_cursor, step, head.last if position is None else None)

    async def _read_rows(self, projection: Projection, account: AccountId) -> None:
        """Read all rows by pages. Ends early if the cursor was deleted or a fill is due, which reads them anyway."""
        position: str | None = None
        while True:
            for _ in range(ATTEMPTS):
                cursor = await self._cursors.get(projection.name, account)
                if cursor is None or cursor.applied is None:
                    return
                step, next_position = await projection.read_page(account, position)
                if await self._cursors.write(cursor, step, cursor.applied):
                    break
            else:
                raise Unavailable("The account changes too fast to be read.", retry_after_seconds=1)
            if next_position is None:
                return
            position = next_position
