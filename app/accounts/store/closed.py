"""Closed accounts: which one an eraser leases next, and the tombstones that remain."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, literal, select, update

from app.accounts.schema.tables import closed_accounts
from app.jobs.claim import ClaimLost
from app.stores.aurora import Database, UtcDateTime
from app.stores.leases import AuroraLease
from darkroom_shared.ids import AccountId
from darkroom_shared.times import Clock

LEASE = timedelta(seconds=60)
"""Validity of an eraser's lease of an account. The eraser renews it after each page; a setting may shorten it."""
BATCH = 10


@dataclass(frozen=True, slots=True)
class Counts:
    """What an account had when it was closed."""

    items: int
    bytes: int
    events: int


@dataclass(frozen=True, slots=True)
class ClosedRow:
    """A closed account, without personal data. After `uploads_end`, no upload URL that was issued before the closing is
    valid. `leased_until` is set for the eraser that holds the account."""

    id: AccountId
    closed_at: datetime
    counts: Counts | None
    uploads_end: datetime | None
    emptied_at: datetime | None
    erased_at: datetime | None
    leased_until: datetime | None = None


class ClosedAccounts:
    """Each method is one transaction. Raises Unavailable if the database is unavailable.

    Methods that get a leased row raise ClaimLost, and write nothing, if another eraser holds the account now.
    """

    def __init__(self, database: Database, clock: Clock, lease: timedelta = LEASE) -> None:
        self._database, self._clock, self._lease_time = database, clock, lease
        self._lease = AuroraLease(closed_accounts, "next_at")

    async def get(self, account: AccountId) -> ClosedRow | None:
        """Return the tombstone, which remains after the erasure; None if the account was never closed."""
        async with self._database.writer.read() as connection:
            statement = select(closed_accounts).where(closed_accounts.c.id == account)
            row = (await connection.execute(statement)).mappings().first()
        if row is None:
            return None
        counts = None if row["items"] is None else Counts(row["items"], row["bytes"], row["events"])
        moments = {name: row[name] for name in ("closed_at", "uploads_end", "emptied_at", "erased_at")}
        return ClosedRow(id=account, counts=counts, **moments)

    async def due(self) -> list[AccountId]:
        """Return accounts whose next pass is due and not leased, the longest overdue first."""
        statement = (
            select(closed_accounts.c.id)
            .where(closed_accounts.c.erased_at.is_(None), closed_accounts.c.next_at <= self._clock())
            .order_by(closed_accounts.c.next_at)
            .limit(BATCH)
        )
        async with self._database.writer.read() as connection:
            return [AccountId(row) for row in (await connection.execute(statement)).scalars()]

    async def take(self, account: AccountId) -> ClosedRow | None:
        """Lease the account. Returns None if another eraser holds it, or if nothing is due."""
        now = self._clock()
        until = now + self._lease_time
        async with self._database.writer.write() as connection:
            taken = await self._lease.take(connection, _unerased(account), now, until)
        row = await self.get(account) if taken else None
        return replace(row, leased_until=until) if row else None

    async def renew(self, leased: ClosedRow) -> ClosedRow:
        """Extend the lease; return the row with its new end."""
        if leased.leased_until is None:
            raise ClaimLost
        until = self._clock() + self._lease_time
        async with self._database.writer.write() as connection:
            if not await self._lease.renew(connection, _unerased(leased.id), leased.leased_until, until):
                raise ClaimLost
        return replace(leased, leased_until=until)

    async def record_counts(self, account: AccountId, counts: Counts, uploads_end: datetime) -> None:
        """Store the counts unless they are stored already: a later count may find a part of the data erased."""
        change = (
            update(closed_accounts)
            .where(closed_accounts.c.id == account, closed_accounts.c.uploads_end.is_(None))
            .values(items=counts.items, bytes=counts.bytes, events=counts.events, uploads_end=uploads_end)
        )
        async with self._database.writer.write() as connection:
            await connection.execute(change)

    async def record_first_erasure(self, leased: ClosedRow, earliest: datetime) -> None:
        """Record the end of the first pass. The second one is due at `earliest`, or later once no upload can bring
        bytes."""
        later = case(
            (closed_accounts.c.uploads_end > earliest, closed_accounts.c.uploads_end),
            else_=literal(earliest, UtcDateTime()),
        )
        await self._note(leased, emptied_at=self._clock(), next_at=later)

    async def record_erased(self, leased: ClosedRow) -> None:
        """Record the end of the erasure. The row remains as a tombstone."""
        await self._note(leased, erased_at=self._clock())

    async def _note(self, leased: ClosedRow, **values: object) -> None:
        held = self._lease.is_held(leased.leased_until)
        change = update(closed_accounts).where(_unerased(leased.id), held).values(**values)
        async with self._database.writer.write() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise ClaimLost


def _unerased(account: AccountId) -> ColumnElement[bool]:
    return and_(closed_accounts.c.id == account, closed_accounts.c.erased_at.is_(None))
