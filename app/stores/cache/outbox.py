"""Statements on the cache's two tables: keys to invalidate, and the generations of Redis."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, insert, literal, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.aurora import Writer
from app.stores.cache.schema import cache_generation, cache_outbox
from darkroom_shared.ids import new_ulid
from darkroom_shared.times import utc_now


@dataclass(frozen=True, slots=True)
class Generation:
    """A period in which Redis lost no write. A restart or failover that may have lost one begins the next."""

    number: int
    replication_id: str


@dataclass(frozen=True, slots=True)
class Row:
    """The keys of a change that Redis may not have invalidated yet."""

    id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PendingInvalidations:
    """Result of one read on the writer."""

    newest: int
    rows: tuple[Row, ...]


_NEWEST = (
    select(cache_generation.c.gen, cache_generation.c.replid).order_by(cache_generation.c.gen.desc()).limit(1)
).subquery("newest")
_PENDING = select(_NEWEST.c.gen, cache_outbox.c.id, cache_outbox.c["keys"]).select_from(
    _NEWEST.outerjoin(cache_outbox, true())
)


class Outbox:
    """All statements use the writer. Raises Unavailable."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def newest(self) -> Generation | None:
        """Return the newest generation, read from the writer; None before the first one."""
        async with self._writer.read() as connection:
            row = (await connection.execute(select(_NEWEST))).first()
        return Generation(row.gen, row.replid) if row else None

    async def is_known(self, replication_id: str) -> bool:
        """Return whether any generation, however old, was this Redis."""
        known = exists(select(cache_generation.c.gen).where(cache_generation.c.replid == replication_id))
        async with self._writer.read() as connection:
            return bool(await connection.scalar(select(known)))

    async def begin(self, replication_id: str) -> None:
        """Insert a new generation, unless the newest one is this Redis already."""
        newest = select(_NEWEST.c.replid).scalar_subquery()
        values = select(literal(replication_id), literal(utc_now(), cache_generation.c.born.type)).where(
            func.coalesce(newest, "") != replication_id
        )
        async with self._writer.write() as connection:
            await connection.execute(insert(cache_generation).from_select(["replid", "born"], values))

    async def pending(self) -> PendingInvalidations:
        """Return all rows and the newest generation, of which there must be one."""
        async with self._writer.read() as connection:
            rows = (await connection.execute(_PENDING)).all()
        pending = tuple(Row(row.id, tuple(row[2])) for row in rows if row.id is not None)
        return PendingInvalidations(rows[0].gen if rows else 0, pending)

    async def add(self, connection: AsyncConnection, names: Sequence[str]) -> str:
        """Insert a row in the transaction of the change itself; return its id."""
        row = new_ulid()
        await connection.execute(insert(cache_outbox).values({"id": row, "keys": list(names)}))
        return row

    async def confirm(self, rows: Sequence[str], generation: int, *, settled: bool) -> int:
        """Delete rows whose keys the Redis of this generation has invalidated; return their number (rule 8).

        Deletes none unless the generation is the newest, and, until it is `settled`, the only one: otherwise a process
        may still be permitted to read the one before it.
        """
        newest = select(func.max(cache_generation.c.gen)).scalar_subquery()
        oldest = select(func.min(cache_generation.c.gen)).scalar_subquery()
        safe = [newest == generation] if settled else [newest == generation, oldest == generation]
        async with self._writer.write() as connection:
            return (await connection.execute(delete(cache_outbox).where(cache_outbox.c.id.in_(rows), *safe))).rowcount

    async def is_confirmed(self, row: str) -> bool:
        """Return whether the row is gone, whichever process deleted it."""
        async with self._writer.read() as connection:
            return not await connection.scalar(
                select(exists(select(cache_outbox.c.id).where(cache_outbox.c.id == row)))
            )
