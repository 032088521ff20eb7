"""Following the logs from inside the service: every event is applied once, whatever is killed, doubled or lost."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from app.events.cursors import Cursor, CursorStore, Step, nothing
from app.events.log import EventLog
from shared.events import Event
from shared.ids import AccountId
from shared.problems import EventsGone, Unavailable

PAGE_EVENTS = 100
"""Applied in one transaction."""
ATTEMPTS = 20
"""At one page of the rows, when the log is being followed at the same time."""
POLL_SECONDS = 1.0
"""Between two looks whether somebody else has filled what is to be rebuilt."""


class Projection(Protocol):
    """Something inside the service that must hear of every event."""

    @property
    def name(self) -> str:
        """Stable, and at most 40 characters: its cursors are stored under it."""
        ...

    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        """Reads whatever is needed to apply these events, which follow each other. They may be prepared again."""
        ...

    async def read_page(self, account: AccountId, after: str | None) -> tuple[Step, str | None]:
        """For a new follower: reads the rows that the events are about, page by page, and where the next one begins.

        The step replaces whatever the follower has of this page.
        """
        ...

    async def new_accounts(self) -> Sequence[AccountId]:
        """Accounts that it should follow and that no event has told it of yet."""
        ...


class ProjectionUpdater:
    def __init__(self, log: EventLog, cursors: CursorStore, projections: Sequence[Projection]) -> None:
        self._log, self._cursors, self.projections = log, cursors, projections

    async def apply_events(self, account: AccountId) -> None:
        """Everything that the account's log has, for all its followers. Raises Unavailable."""
        for projection in self.projections:
            await self.catch_up(projection, account)

    async def catch_up(self, projection: Projection, account: AccountId) -> bool:
        """False while somebody else reads the rows, who goes on with the log after that; if they die, a round does.

        Returns at once where there is no cursor: then nobody has asked for this account yet.
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
        """Reads all rows anew while the log is followed on; nothing is missing meanwhile that was there before."""
        await self._cursors.enrol(projection.name, [account])
        cursor = await self._cursors.get(projection.name, account)
        if cursor is not None and cursor.applied is not None:
            await self._read_rows(projection, account)
        while not await self.catch_up(projection, account):  # noqa: ASYNC110  another process fills, and tells nobody
            await asyncio.sleep(POLL_SECONDS)

    async def enrol_new_accounts(self, projection: Projection) -> None:
        await self._cursors.enrol(projection.name, await projection.new_accounts())

    async def _advance(self, projection: Projection, cursor: Cursor, applied: int) -> bool:
        """Whether there may be more. When another worker was quicker, nothing is applied here."""
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
        """First the head, then the rows: what changes meanwhile has a number after it, and is applied again.

        Ends early when somebody else has written, who took this one for dead: then the rest is theirs.
        """
        head = await self._log.head(cursor.account)
        mine: Cursor | None = cursor
        position: str | None = None
        while mine is not None and mine.applied is None:
            step, position = await projection.read_page(cursor.account, position)
            mine = await self._cursors.write(mine, step, head.last if position is None else None)

    async def _read_rows(self, projection: Projection, account: AccountId) -> None:
        """Ends early when the cursor is gone, or when everything is to be filled anyway."""
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
