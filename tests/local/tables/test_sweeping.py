"""The sweep deletes expired rows only, and tokens of old transactions."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from local.tables import items, tables, transactions
from local.tables.database import Database
from local.tables.sweeping import LATE_SECONDS, OLDEST_SECONDS, sweep
from tests.local.tables.place import key, wire

EXPIRING: dict[str, tuple[Callable[[int], Any], bool]] = {
    "two days ago": (lambda now: now - LATE_SECONDS - 60, True),
    "a minute ago": (lambda now: now - 60, False),
    "in an hour": (lambda now: now + 3600, False),
    "more than five years ago": (lambda now: now - OLDEST_SECONDS - 3600, False),
    "a text": (lambda _now: "100", False),
    "never": (lambda _now: None, False),
}


@pytest.mark.parametrize("what", EXPIRING)
@pytest.mark.parametrize("turned_on_later", [True, False])
async def test_only_expired_rows_are_deleted(database: Database, what: str, turned_on_later: bool) -> None:
    expires, removed = EXPIRING[what]
    if not turned_on_later:
        await _turn_on(database)
    await _put(database, 1, expires(int(time.time())))
    if turned_on_later:
        await _turn_on(database)
    assert await sweep(database) == int(removed)
    assert await _exists(database, 1) == (not removed)


async def test_nothing_is_deleted_while_time_to_live_is_disabled(database: Database) -> None:
    await _put(database, 1, 1_700_000_000)
    assert await sweep(database) == 0
    assert await _exists(database, 1)


async def test_one_sweep_deletes_more_rows_than_one_commit_holds(database: Database) -> None:
    await _turn_on(database)
    for number in range(450):
        await _put(database, number, int(time.time()) - LATE_SECONDS - 60)
    assert await sweep(database) == 450


async def test_a_changed_expiry_takes_effect(database: Database) -> None:
    await _turn_on(database)
    await _put(database, 1, int(time.time()) - LATE_SECONDS - 60)
    await _put(database, 1, int(time.time()) + 60)
    assert await sweep(database) == 0


async def test_tokens_are_deleted_after_their_retention(database: Database) -> None:
    request = {
        "TransactItems": [{"Put": {"TableName": "photos", "Item": key(1)}}], "ClientRequestToken": "once",
    }  # fmt: skip
    await transactions.transact_write_items(database, request)
    await items.delete_item(database, {"TableName": "photos", "Key": key(1)})
    await sweep(database)
    await transactions.transact_write_items(database, request)
    assert not await _exists(database, 1)
    await database.write(
        lambda connection: connection.execute(
            "UPDATE request_tokens SET created_at = created_at - ?", (transactions.TOKEN_SECONDS + 1,)
        )
    )
    await sweep(database)
    assert await database.write(lambda connection: transactions.delete_tokens(connection, maximum=10)) == 0
    await transactions.transact_write_items(database, request)
    assert await _exists(database, 1)


async def _turn_on(database: Database) -> None:
    specification = {"AttributeName": "expires", "Enabled": True}
    await tables.update_time_to_live(database, {"TableName": "photos", "TimeToLiveSpecification": specification})


async def _put(database: Database, number: int, expires: Any) -> None:
    item = {"account": "anna", "number": number, **({} if expires is None else {"expires": expires})}
    await items.put_item(database, {"TableName": "photos", "Item": wire(item)})


async def _exists(database: Database, number: int) -> bool:
    return b"Item" in await items.get_item(database, {"TableName": "photos", "Key": key(number)})
