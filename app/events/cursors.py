"""How far each follower is in each account's log, in Aurora, where what it makes of the events is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema import cursors
from app.stores.aurora import Database
from app.stores.aurora_inserts import insert_absent
from shared.ids import AccountId
from shared.times import Clock

FILL_LEASE = timedelta(seconds=30)
"""So long nobody else begins to read all rows; whoever reads them renews that with each page, which takes a second at
most. It only saves work: what is right rests on `revision` alone, however far two clocks are apart."""

Step = Callable[[AsyncConnection], Awaitable[None]]
"""What a follower writes, in one transaction with its cursor's move. It waits for nothing but the database."""


async def nothing(_connection: AsyncConnection) -> None:
    """The step that writes nothing."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`applied` is None as long as the rows themselves have not all been read once."""

    follower: str
    account: AccountId
    applied: int | None
    wanted: int
    revision: int
    filling_until: datetime | None = None


class CursorStore:
    """Each method is one transaction. Raises Unavailable, as the database does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def get(self, projection: str, account: AccountId) -> Cursor | None:
        columns = cursors.c
        statement = select(columns.applied, columns.wanted, columns.revision, columns.filling_until)
        statement = statement.where(*_of(projection, account))
        async with self._database.writer.read() as connection:
            rows = (await connection.execute(statement)).first()
        return Cursor(projection, account, *rows) if rows else None

    async def mark_behind(self, account: AccountId, number: int, projections: Sequence[str]) -> None:
        """Every cursor of the account is to get at least this far; never less than before.

        `standing`: followers of every account, whose cursors are made here.
        """
        raised = (
            update(cursors)
            .where(cursors.c.account_id == account, cursors.c.wanted < number)
            .values(wanted=number, behind=or_(cursors.c.applied.is_(None), cursors.c.applied < number))
        )
        async with self._database.writer.write() as connection:
            await connection.execute(raised)
            await insert_absent(connection, cursors, [_new(projection, account, number) for projection in projections])

    async def enrol(self, projection: str, accounts: Sequence[AccountId]) -> None:
        """Makes cursors for those that have none; what they follow is yet to be read."""
        async with self._database.writer.write() as connection:
            await insert_absent(connection, cursors, [_new(projection, account, 0) for account in accounts])

    def is_being_filled(self, cursor: Cursor) -> bool:
        """Whether somebody reads all rows, or has died at that a moment ago."""
        return cursor.applied is None and cursor.filling_until is not None and cursor.filling_until > self._clock()

    async def write(self, read: Cursor, step: Step, applied: int | None) -> Cursor | None:
        """Runs the step and moves the cursor in one transaction; says how it stands then.

        None, and nothing is written, when the follower has written since `read` was read, or the cursor is gone:
        so whatever a step was prepared from is at least as new as what it replaces. Whoever writes None for `applied`
        is the one to read the rows, for the time of a lease.
        """
        filling_until = self._clock() + FILL_LEASE if applied is None else None
        after = replace(read, applied=applied, revision=read.revision + 1, filling_until=filling_until)
        moved = (
            update(cursors)
            .where(*_of(read.follower, read.account), cursors.c.revision == read.revision)
            .values(
                applied=applied,
                behind=True if applied is None else cursors.c.wanted > applied,
                revision=after.revision,
                filling_until=filling_until,
            )
        )
        async with self._database.writer.write() as connection:
            if (await connection.execute(moved)).rowcount == 0:
                return None
            await step(connection)
        return after

    async def behind(self, projection: str, after: str, limit: int) -> list[AccountId]:
        """Accounts whose cursor stands before what is wanted, by their ids."""
        return await self._accounts(projection, after, limit, cursors.c.behind.is_(True))

    async def accounts(self, projection: str, after: str, limit: int) -> list[AccountId]:
        """All that it follows, by their ids."""
        return await self._accounts(projection, after, limit)

    async def _accounts(self, projection: str, after: str, limit: int, *which: ColumnElement[bool]) -> list[AccountId]:
        statement = (
            select(cursors.c.account_id)
            .where(cursors.c.follower == projection, cursors.c.account_id > after, *which)
            .order_by(cursors.c.account_id)
            .limit(limit)
        )
        async with self._database.writer.read() as connection:
            return [AccountId(row) for row in await connection.scalars(statement)]


def _of(projection: str, account: AccountId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return cursors.c.follower == projection, cursors.c.account_id == account


def _new(projection: str, account: AccountId, requested: int) -> dict[str, object]:
    return {
        "follower": projection,
        "account_id": account,
        "applied": None,
        "wanted": requested,
        "behind": True,
        "revision": 0,
    }
