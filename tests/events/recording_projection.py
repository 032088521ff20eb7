"""A projection that records the events applied to it, and the queries that read its records."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.schema.values import Cursor, Step
from app.events.service.log import NewEvent
from app.events.store.cursors import CursorStore
from app.stores.aurora import Database
from darkroom_shared.events import Event, EventType
from darkroom_shared.ids import AccountId
from tests.services import Services

APPLIED_EVENTS = Table(
    "applied_events", MetaData(), Column("account", String(30)), Column("number", Integer), mysql_engine="InnoDB"
)
"""Without any key, so that an event applied twice has two rows."""


@dataclass(eq=False)
class RecordingProjection:
    """Records the number of every event applied to it.

    While `crashes` is positive, it is cancelled after its writes and before the commit. From page `waits_from` on it
    sets `reading` and waits for `before_write`.
    """

    name: str
    rows: list[str] = field(default_factory=list)
    pages_read: int = 0
    crashes: int = 0
    before_write: asyncio.Event | None = None
    waits_from: int = 1
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    known: list[AccountId] = field(default_factory=list)

    async def prepare(self, account: AccountId, events: Sequence[Event]) -> Step:
        return self._write(account, [event.number for event in events])

    async def read_page(self, account: AccountId, after: str | None) -> tuple[Step, str | None]:
        self.pages_read += 1
        index = int(after or 0)
        page = self.rows[index : index + 1]
        if self.pages_read >= self.waits_from:
            self.reading.set()
            if self.before_write is not None:
                await self.before_write.wait()
        more = str(index + 1) if index + 1 < len(self.rows) else None
        return self._write(account, [-1 for _ in page]), more

    async def new_accounts(self) -> Sequence[AccountId]:
        return self.known

    def _write(self, account: AccountId, numbers: list[int]) -> Step:
        async def write(connection: AsyncConnection) -> None:
            if numbers:
                await connection.execute(
                    insert(APPLIED_EVENTS), [{"account": account, "number": each} for each in numbers]
                )
            if self.crashes:
                self.crashes -= 1
                raise asyncio.CancelledError

        return write


async def applied_numbers(database: Database, account: AccountId) -> list[int]:
    async with database.writer.read() as connection:
        return list(
            await connection.scalars(select(APPLIED_EVENTS.c.number).where(APPLIED_EVENTS.c.account == account))
        )


async def append(services: Services, count: int = 1) -> None:
    for _ in range(count):
        await services.base.events.log.append(services.account, [NewEvent(EventType.ITEM_CREATED, "itm", {})])


async def cursor(cursors: CursorStore, name: str, account: AccountId) -> Cursor:
    cursor = await cursors.get(name, account)
    assert cursor is not None
    return cursor
