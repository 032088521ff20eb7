"""The kinds of leases: a crashed holder leaves nothing to record, and the next one repeats the work."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert

from app.accounts.schema.tables import closed_accounts
from app.accounts.store.closed import ClosedAccounts, ClosedRow
from app.events.schema.values import Cursor, nothing
from app.events.service.log import NewEvent
from app.events.service.relay import LEASE as RELAY_LEASE
from app.items.service.lifecycle import LEASE
from app.jobs.claim import ClaimLost
from darkroom_shared.events import EventType
from darkroom_shared.ids import AccountId, new_account_id
from tests.services import ManualClock, Services


class Uncounted:
    """What leases have in common: a crashed holder leaves nothing to record."""

    counted = False

    async def sweep(self) -> None:
        """Do nothing: the lease ends by itself."""

    async def lost_attempts(self) -> int:
        return 0

    async def has_failed(self) -> bool:
        return False


@dataclass
class CursorFill(Uncounted):
    """The reading of all rows for a new cursor."""

    services: Services
    clock: ManualClock

    async def start(self) -> None:
        self._account = new_account_id()
        await self.services.base.events.cursors.enrol("tests", [self._account])

    async def claim(self) -> Cursor:
        cursors = self.services.base.events.cursors
        cursor = await cursors.get("tests", self._account)
        if cursor is None or cursor.applied is not None or cursors.is_being_filled(cursor):
            raise ClaimLost
        return await self.renew(cursor)

    async def renew(self, claimed: Cursor) -> Cursor:
        return await self._write(claimed, None)

    async def return_claim(self, claimed: Cursor) -> None:
        """Read a further page, so that the claim is verified, and let the lease end: fills are not returned."""
        await self.renew(claimed)
        self.clock.advance(seconds=31)

    async def finish(self, claimed: Cursor) -> None:
        await self._write(claimed, 0)

    async def _write(self, cursor: Cursor, applied: int | None) -> Cursor:
        written = await self.services.base.events.cursors.write(cursor, nothing, applied)
        if written is None:
            raise ClaimLost
        return written


@dataclass
class ClosedAccount(Uncounted):
    """The erasure of a closed account."""

    services: Services
    clock: ManualClock

    async def start(self) -> None:
        self._account, database = new_account_id(), self.services.base.database
        self._closed = ClosedAccounts(database, self.clock, LEASE)
        async with database.writer.write() as connection:
            row = {"id": self._account, "closed_at": self.clock(), "next_at": self.clock()}
            await connection.execute(insert(closed_accounts).values(row))

    async def claim(self) -> ClosedRow:
        self.clock.advance(seconds=0.000_001)  # the end of a lease is its token: no two begin in one microsecond
        leased = await self._closed.take(self._account)
        if leased is None:
            raise ClaimLost
        return leased

    async def renew(self, claimed: ClosedRow) -> ClosedRow:
        return await self._closed.renew(claimed)

    async def return_claim(self, claimed: ClosedRow) -> None:
        """End the first pass, after which the account can be taken again for the second one."""
        await self._closed.record_first_erasure(claimed, self.clock())

    async def finish(self, claimed: ClosedRow) -> None:
        await self._closed.record_erased(claimed)


@dataclass
class RelayLease(Uncounted):
    """The relay of an account's events."""

    services: Services
    clock: ManualClock

    async def start(self) -> None:
        self._account: AccountId = new_account_id()
        event = NewEvent(EventType.ITEM_CREATED, "itm_1", {})
        await self.services.base.events.log.append(self._account, [event])

    async def claim(self) -> Any:
        until, store = self.clock() + RELAY_LEASE, self.services.base.events.store
        head = await store.head(self._account)
        is_relayed = head.relayed >= head.last
        if is_relayed or not await store.lease_relay(self._account, now=self.clock(), until=until):
            raise ClaimLost
        return until

    async def renew(self, claimed: Any) -> Any:
        """Return the claim unchanged: a relay does not renew its lease, and a late one only publishes again."""
        return claimed

    async def return_claim(self, claimed: Any) -> None:
        await self.services.base.events.store.release_relay(self._account, until=claimed)

    async def finish(self, claimed: Any) -> None:
        store = self.services.base.events.store
        await store.record_relayed(self._account, (await store.head(self._account)).last, until=claimed, finished=True)
