"""The cost of a page in steps of SQLite's virtual machine: equal in a large partition and in a small one."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from local.tables import catalog, changes, rows, statements
from local.tables.keys import key_of_item
from local.tables.pages import read_page
from local.tables.queries import plan_query
from local.tables.schema import Table
from local.tables.values import Item
from tests.local.tables.place import photos, wire

SIZES = {"small": 1_000, "large": 100_000}
STARTS: dict[str, dict[str, int | None]] = {
    "head": {"small": None, "large": None},
    "middle": {"small": 400, "large": 50_000},
    "end": {"small": 800, "large": 99_800},
}
INDEXES: dict[str | None, str] = {None: "account", "by_taken": "account", "by_due": "due_shard"}
KEYS: dict[str | None, tuple[str, ...]] = {None: (), "by_taken": ("taken_at",), "by_due": ("due_shard", "due_at")}
SAME_DUE = 200  # items with the same due time, so that pages begin and end between equal keys


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[sqlite3.Connection, Table]]:
    """One account with 1,000 items and one with 100,000, which are in both indexes as well."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(statements.CATALOG)
    connection.execute("BEGIN")
    table = catalog.create(connection, photos("photos"))
    for account, size in SIZES.items():
        for number in range(size):
            item = _item(account, number)
            rows.insert(
                connection, table, key_of_item(table.keys, item), rows.encode(item), rows.columns_of(table, item)
            )
    connection.execute("COMMIT")
    yield connection, table
    connection.close()


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("part", STARTS)
@pytest.mark.parametrize("index", INDEXES)
def test_a_page_costs_the_same_in_a_large_and_a_small_partition(
    filled: tuple[sqlite3.Connection, Table], index: str | None, part: str, forward: bool
) -> None:
    connection, table = filled
    small, large = (_steps(connection, table, index, account, part, forward) for account in SIZES)
    assert large == pytest.approx(small, rel=0.05)


def test_a_small_page_reads_only_its_rows(filled: tuple[sqlite3.Connection, Table]) -> None:
    connection, table = filled
    one, ten = (_steps(connection, table, None, "large", "middle", True, limit) for limit in (1, 10))
    assert one < 100
    assert ten < 10 * one


def test_a_change_writes_only_the_indexes_with_changed_keys(filled: tuple[sqlite3.Connection, Table]) -> None:
    connection, table = filled
    traced: list[str] = []
    request = changes.Request(
        table, key_of_item(table.keys, _item("small", 5)), changes.Put({**_item("small", 5), "due_at": {"N": "-7"}}),
        None, {},
    )  # fmt: skip
    tables = catalog.Catalog()
    tables.load(connection)
    connection.set_trace_callback(traced.append)
    changes.store(connection, changes.decide(connection, tables, request))
    connection.set_trace_callback(None)
    [update] = [statement for statement in traced if statement.startswith("UPDATE")]
    by_due = next(index for index in table.indexes if index.name == "by_due")
    assert f"{by_due.sort_column} =" in update
    assert f"{by_due.partition_column} =" not in update
    assert "sort_0 =" not in update


def _steps(
    connection: sqlite3.Connection,
    table: Table,
    index: str | None,
    account: str,
    part: str,
    forward: bool,
    limit: int = 100,
) -> int:
    parameters: dict[str, Any] = {
        "TableName": table.name,
        "KeyConditionExpression": f"{INDEXES[index]} = :a",
        "ExpressionAttributeValues": wire({":a": account}),
        "Limit": limit,
        "ScanIndexForward": forward,
    }
    if index is not None:
        parameters["IndexName"] = index
    start = STARTS[part][account]
    if start is not None:
        item = _item(account, start)
        keys = {"account", "number", *KEYS[index]}
        parameters["ExclusiveStartKey"] = {name: value for name, value in item.items() if name in keys}
    request = plan_query(table, parameters)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 1)
    page = json.loads(read_page(connection, request))
    connection.set_progress_handler(None, 1)
    assert page["Count"] == limit
    return steps


def _item(account: str, number: int) -> Item:
    due = {"due_shard": account, "due_at": number // SAME_DUE}
    return wire({"account": account, "number": number, "taken_at": f"{number:06}", **due})
