"""Each projection's cursor in each account's log, stored in Aurora beside the rows that the projection writes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import ColumnElement, or_, select, update

from app.events.schema.tables import cursors
from app.events.schema.values import Cursor, Step
from app.jobs.lease import is_held
from app.stores.aurora import Database
from app.stores.aurora_inserts import insert_absent
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock

FILL_LEASE = timedelta(seconds=30)
"""For this long no other process begins to read all rows; the reader renews the lease with each page, which takes one
second at most. The lease only saves work: correctness depends on `revision` alone, whatever the clock skew."""


class CursorStore:
    """Each method is one transaction. Raises Unavailable, as the database does."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def get(self, projection: str, account: AccountId) -> Cursor | None:
        """Read from the writer. Returns None if the projection has no cursor for it."""
        columns = cursors.c
        statement = select(columns.applied, columns.wanted, columns.revision, columns.filling_until)
        statement = statement.where(*_of(projection, account))
        async with self._database.writer.read() as connection:
            row = (await connection.execute(statement)).first()
        return Cursor(projection, account, *row) if row else None

    async def mark_behind(self, account: AccountId, number: int, projections: Sequence[str]) -> None:
        """Raise `wanted` of all the account's cursors to at least `number`; it never decreases.

        Creates the missing cursors of `projections`.
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
        """Create the missing cursors, with all rows still to be read. Idempotent."""
        async with self._database.writer.write() as connection:
            await insert_absent(connection, cursors, [_new(projection, account, 0) for account in accounts])

    def is_being_filled(self, cursor: Cursor) -> bool:
        """Return whether a process is reading all rows, or crashed while doing so less than a lease ago."""
        return cursor.applied is None and is_held(cursor.filling_until, self._clock())

    async def write(self, read: Cursor, step: Step, applied: int | None) -> Cursor | None:
        """Run the step and move the cursor in one transaction; return the new cursor.

        Returns None and writes nothing if the projection has written since `read` was read, or the cursor was deleted.
        So the data that a step was prepared from is at least as new as the data that it replaces. `applied=None` takes
        the lease for reading all rows.
        """
        filling_until = self._clock() + FILL_LEASE if applied is None else None
        after = replace(read, applied=applied, revision=read.revision + 1, filling_until=filling_until)
        statement = (
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
            if (await connection.execute(statement)).rowcount == 0:
                return None
            await step(connection)
        return after

    async def behind(self, projection: str, after: str, limit: int) -> list[AccountId]:
        """Return accounts whose cursor is behind `wanted`, by id."""
        return await self._accounts(projection, after, limit, cursors.c.behind.is_(True))

    async def accounts(self, projection: str, after: str, limit: int) -> list[AccountId]:
        """Return all accounts with a cursor, by id."""
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
