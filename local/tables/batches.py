"""BatchGetItem and BatchWriteItem: many items read or deleted in one call, independently of each other."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from local.tables import changes, items, rows
from local.tables.database import Database
from local.tables.errors import ValidationException
from local.tables.keys import StoredKey, key_alone
from local.tables.requests import Parameters, array, constraint, mapping, refuse_unknown, structure
from local.tables.schema import Table
from local.tables.values import Item, canonical_item

MAX_READS: Final = 100  # "BatchGetItem"
READ_PARAMETERS: Final = frozenset({"ConsistentRead", "Keys"})
PARAMETERS: Final = frozenset({"RequestItems"})
MAX_WRITES: Final = 25  # "BatchWriteItem"
MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024  # bytes; keys beyond it are returned as unprocessed

Expected = tuple[str, Table, StoredKey, Item]


async def batch_get_item(database: Database, parameters: Parameters) -> bytes:
    """Read the items. Absent ones are left out; those that would exceed the response size are returned as
    unprocessed.
    """
    refuse_unknown(parameters, PARAMETERS)
    tables = mapping(parameters, "RequestItems")
    requested = list(_requested(database, tables))
    if not 1 <= len(requested) <= MAX_READS:
        raise ValidationException("Too many items requested for the BatchGetItem call")
    if len({(table.name, key) for _, table, key, _ in requested}) != len(requested):
        raise ValidationException("Provided list of item keys contains duplicates")
    return await database.read(lambda connection: _read(connection, tables, requested))


async def batch_write_item(database: Database, parameters: Parameters) -> bytes:
    """Delete all items in one commit, which is more than DynamoDB promises."""
    refuse_unknown(parameters, PARAMETERS)
    requests = list(_writes(database, mapping(parameters, "RequestItems")))
    if not 1 <= len(requests) <= MAX_WRITES:
        raise constraint(
            "RequestItems", len(requests), f"Member must have length between 1 and {MAX_WRITES}, inclusive"
        )
    if len({request.target for request in requests}) != len(requests):
        raise ValidationException("Provided list of item keys contains duplicates")

    def work(connection: sqlite3.Connection) -> None:
        for decided in [changes.decide(connection, database.catalog, request) for request in requests]:
            changes.store(connection, decided)

    await database.write(work)
    return b'{"UnprocessedItems":{}}'


def _requested(database: Database, tables: Parameters) -> Iterator[Expected]:
    for name, value in tables.items():
        request = structure(value)
        table = database.catalog.require(name)
        refuse_unknown(request, READ_PARAMETERS)
        for entry in array(request, "Keys"):
            key = canonical_item(entry)
            yield name, table, key_alone(table.keys, key), key


def _read(connection: sqlite3.Connection, tables: Parameters, requested: list[Expected]) -> bytes:
    results: dict[str, list[bytes]] = {name: [] for name in tables}
    unprocessed: dict[str, Any] = {}
    size = 0
    for name, table, key, item in requested:
        if size > MAX_RESPONSE_BYTES:
            unprocessed.setdefault(name, {**tables[name], "Keys": []})["Keys"].append(item)
            continue
        document = rows.fetch_document(connection, table, key)
        if document is not None:
            size += len(document)
            results[name].append(document)
    responses = b",".join(
        rows.encode(name) + b":[" + b",".join(documents) + b"]" for name, documents in results.items()
    )
    return b'{"Responses":{' + responses + b'},"UnprocessedKeys":' + rows.encode(unprocessed) + b"}"


def _writes(database: Database, tables: Parameters) -> Iterator[changes.Request]:
    for name in tables:
        for value in array(tables, name):
            request = structure(value)
            match request:
                case {"DeleteRequest": dict(delete)} if len(request) == 1:
                    yield items.read_delete(database, {"Key": delete.get("Key"), "TableName": name})
                case _:
                    raise ValidationException("A batch can only contain a DeleteRequest in each of its members here")
