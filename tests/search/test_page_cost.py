"""The cost of a search page does not grow with the account: MariaDB counts the rows that it reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.projections import SEARCH
from app.search.schema.query import Query, Term
from app.search.schema.tables import item_index, item_words
from app.search.store.search import MAX_GATHERED, WINDOW, SearchStore
from app.stores.aurora import Database
from darkroom_shared.ids import AccountId, new_account_id
from darkroom_shared.times import to_rfc3339
from tests.database_engines import Engine
from tests.search.library import SUMMER

PAGE = 100
CASES = {
    "everything": (),
    "a word of all items": (Term("sea"),),
    "a prefix of all items": (Term("se", prefix=True),),
    "a rare word": (Term("rare"),),
    "a rare prefix": (Term("rar", prefix=True),),
    "a rare and a common one": (Term("sea"), Term("rare", prefix=True)),
    "two common ones": (Term("sea"), Term("dawn", prefix=True)),
    "two common ones without a common item": (Term("dawn"), Term("dusk", prefix=True)),
}


async def fill(database: Database, count: int) -> AccountId:
    """Index items that all have "sea", half "dawn" and half "dusk"; the first of each thousand has "rare"."""
    account = new_account_id()
    for start in range(0, count, 1000):
        items = []
        for number in range(start, min(start + 1000, count)):
            key = f"{to_rfc3339(SUMMER + timedelta(seconds=number))}#{number}"
            items.append({"account_id": account, "item_id": f"itm_{number}", "captured_key": key})
        words = [item | {"word": "sea"} for item in items]
        words += [item | {"word": "dawn" if number % 2 else "dusk"} for number, item in enumerate(items)]
        words += [items[0] | {"word": "rare"}]
        async with database.writer.write() as connection:
            await connection.execute(insert(item_index), items)
            await connection.execute(insert(item_words), words)
    return account


@dataclass(frozen=True, slots=True)
class OneConnection:
    """A source whose reads all go over the same connection."""

    connection: AsyncConnection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        yield self.connection


async def query_first_page(connection: AsyncConnection, account: AccountId, terms: tuple[Term, ...]) -> None:
    """Query the first page."""
    store = SearchStore(OneConnection(connection))  # type: ignore[arg-type]  # only `read` is called
    await store.candidates(account, SEARCH, Query(terms, None, None, None), None, PAGE)


async def rows_read(connection: AsyncConnection, account: AccountId, terms: tuple[Term, ...]) -> int:
    """Return the rows of tables and indexes that the server read for the page."""
    first, second = [await rows_read_so_far(connection) for _ in range(2)]
    await query_first_page(connection, account, terms)
    return await rows_read_so_far(connection) - second - (second - first)  # reading the status reads rows, too


async def rows_read_so_far(connection: AsyncConnection) -> int:
    status = await connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(value) for _, value in status)


@pytest.mark.parametrize("common_database_url", list(Engine), indirect=True)
@pytest.mark.parametrize(
    "sizes", [(3_000, 9_000), pytest.param((10_000, 100_000), marks=pytest.mark.tier("all", "long runs"))]
)
async def test_a_page_reads_as_many_rows_in_a_large_account_as_in_a_small_one(
    database: Database, sizes: tuple[int, int]
) -> None:
    small, large = [await fill(database, size) for size in sizes]
    async with database.writer.write() as connection:
        await connection.execute(text("ANALYZE TABLE item_index, item_words"))
    for name, terms in CASES.items():
        async with database.readers.read() as connection:
            few, many = [await rows_read(connection, account, terms) for account in (small, large)]
        # Counting and gathering each read a row once from the index and once from the derived table.
        limit = 2 * (MAX_GATHERED + 1) * (len(terms) + 1) + WINDOW * 4
        assert max(few, many) <= limit, (name, few, many)
        assert many <= few + 2 * MAX_GATHERED * len(terms), (name, few, many)


@pytest.mark.parametrize("common_database_url", ["sqlite"], indirect=True)
async def test_sqlite_reads_every_row_by_an_index(database: Database) -> None:
    account = new_account_id()
    queries: list[tuple[str, Any]] = []

    def recorded(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        queries.append((statement, parameters))

    async with database.readers.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", recorded)
        for terms in CASES.values():
            await query_first_page(connection, account, terms)
        event.remove(connection.sync_connection, "before_cursor_execute", recorded)
        for statement, parameters in queries:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row._mapping["detail"] for row in plan]
            assert not [step for step in steps if step.startswith("SCAN item_")], (statement, steps)
    assert queries
