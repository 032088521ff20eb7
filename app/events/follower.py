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
LOOK_SECONDS = 1.0
"""Between two looks whether somebody else has filled what is to be rebuilt."""


class Follower(Protocol):
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

    async def newcomers(self) -> Sequence[AccountId]:
        """Accounts that it should follow and that no event has told it of yet."""
        ...


class Following:
    def __init__(self, log: EventLog, cursors: CursorStore, followers: Sequence[Follower]) -> None:
        self._log, self._cursors, self.followers = log, cursors, followers

    async def follow(self, account: AccountId) -> None:
        """Everything that the account's log has, for all its followers. Raises Unavailable."""
        for follower in self.followers:
            await self.catch_up(follower, account)

    async def catch_up(self, follower: Follower, account: AccountId) -> bool:
        """False while somebody else reads the rows, who goes on with the log after that; if they die, a round does.

        Returns at once where there is no cursor: then nobody has asked for this account yet.
        """
        while cursor := await self._cursors.get(follower.name, account):
            if self._cursors.is_being_filled(cursor):
                return False
            if cursor.applied is None:
                await self._fill(follower, cursor)
            elif not await self._advance(follower, cursor, cursor.applied):
                break
        return True

    async def rebuild(self, follower: Follower, account: AccountId) -> None:
        """Reads all rows anew while the log is followed on; nothing is missing meanwhile that was there before."""
        await self._cursors.enrol(follower.name, [account])
        cursor = await self._cursors.get(follower.name, account)
        if cursor is not None and cursor.applied is not None:
            await self._read_rows(follower, account)
        while not await self.catch_up(follower, account):  # noqa: ASYNC110  another process fills, and tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    async def enrol_newcomers(self, follower: Follower) -> None:
        await self._cursors.enrol(follower.name, await follower.newcomers())

    async def _advance(self, follower: Follower, cursor: Cursor, applied: int) -> bool:
        """Whether there may be more. When another worker was quicker, nothing is applied here."""
        try:
            page = await self._log.read(cursor.account, applied, limit=PAGE_EVENTS)
        except EventsGone:
            emptied = await self._cursors.write(cursor, nothing, None)
            if emptied is not None:
                await self._fill(follower, emptied)
            return True
        if not page.events:
            return False
        step = await follower.prepare(cursor.account, page.events)
        written = await self._cursors.write(cursor, step, page.read_to)
        return written is None or page.read_to < page.head

    async def _fill(self, follower: Follower, cursor: Cursor) -> None:
        """First the head, then the rows: what changes meanwhile has a number after it, and is applied again.

        Ends early when somebody else has written, who took this one for dead: then the rest is theirs.
        """
        head = await self._log.head(cursor.account)
        mine: Cursor | None = cursor
        position: str | None = None
        while mine is not None and mine.applied is None:
            step, position = await follower.read_page(cursor.account, position)
            mine = await self._cursors.write(mine, step, head.last if position is None else None)

    async def _read_rows(self, follower: Follower, account: AccountId) -> None:
        """Ends early when the cursor is gone, or when everything is to be filled anyway."""
        position: str | None = None
        while True:
            for _ in range(ATTEMPTS):
                cursor = await self._cursors.get(follower.name, account)
                if cursor is None or cursor.applied is None:
                    return
                step, following = await follower.read_page(account, position)
                if await self._cursors.write(cursor, step, cursor.applied):
                    break
            else:
                raise Unavailable("The account changes too fast to be read.", retry_after_seconds=1)
            if following is None:
                return
            position = following
