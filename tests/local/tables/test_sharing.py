"""Waiting writes share a commit, and a refused write does not affect the other writes of its batch."""

import asyncio
import sqlite3
from typing import Any

import pytest

from local.tables import items
from local.tables.database import Database
from local.tables.errors import ConditionalCheckFailedException
from tests.local.tables.place import wire

WRITES = 60


async def test_waiting_writes_share_a_commit(database: Database) -> None:
    traced: list[str] = []
    assert database._writer is not None
    database._writer.set_trace_callback(traced.append)
    await asyncio.gather(*(items.put_item(database, _put(number)) for number in range(WRITES)))
    database._writer.set_trace_callback(None)
    assert 1 <= traced.count("COMMIT") <= 3
    assert [b"Item" in await items.get_item(database, _get(number)) for number in range(WRITES)] == [True] * WRITES


async def test_a_refused_write_does_not_affect_its_batch(database: Database) -> None:
    impossible = {**_put(0), "ConditionExpression": "attribute_exists(account)"}
    outcomes = await asyncio.gather(
        items.put_item(database, _put(1)),
        items.put_item(database, impossible),
        items.put_item(database, _put(2)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [bytes, ConditionalCheckFailedException, bytes]
    assert [b"Item" in await items.get_item(database, _get(number)) for number in range(3)] == [False, True, True]


async def test_later_writes_of_one_batch_see_earlier_ones(database: Database) -> None:
    only_once = {**_put(1), "ConditionExpression": "attribute_not_exists(account)"}
    outcomes = await asyncio.gather(*(items.put_item(database, only_once) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [bytes, *[ConditionalCheckFailedException] * 2]


async def test_a_full_disk_refuses_writes_and_drops_no_rows(database: Database) -> None:
    await items.put_item(database, _put(1))
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    long = {"TableName": "photos", "Item": wire({"account": "anna", "number": 2, "caption": "x" * 300_000})}
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await items.put_item(database, long)
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
    await items.put_item(database, _put(3))
    assert [b"Item" in await items.get_item(database, _get(number)) for number in (1, 2, 3)] == [True, False, True]


async def test_a_cancelled_write_does_not_block_other_writes(database: Database) -> None:
    waiting_put = asyncio.create_task(items.put_item(database, _put(1)))
    await asyncio.sleep(0)
    waiting_put.cancel()
    await items.put_item(database, _put(2))
    assert b"Item" in await items.get_item(database, _get(2))


def _put(number: int) -> dict[str, Any]:
    return {"TableName": "photos", "Item": wire({"account": "anna", "number": number})}


def _get(number: int) -> dict[str, Any]:
    return {"TableName": "photos", "Key": wire({"account": "anna", "number": number})}
