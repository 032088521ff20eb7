"""GetItem, PutItem, UpdateItem and DeleteItem, and the parsing of one write."""

import sqlite3
from typing import Final

from local.tables import changes, rows
from local.tables.database import Database
from local.tables.definitions import table_name
from local.tables.errors import ValidationException
from local.tables.expressions import Expressions
from local.tables.keys import StoredKey, key_alone, key_of_item
from local.tables.requests import Parameters, boolean, mapping, refuse_unknown
from local.tables.schema import Table
from local.tables.syntax import UpdateExpression
from local.tables.values import canonical_item

READ: Final = frozenset({"ConsistentRead", "Key", "TableName"})
CONDITION: Final = frozenset({"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"})
PUT: Final = CONDITION | {"Item", "TableName"}
DELETE: Final = CONDITION | {"Key", "TableName"}
UPDATE: Final = CONDITION | {"Key", "TableName", "UpdateExpression"}


async def get_item(database: Database, parameters: Parameters) -> bytes:
    """Return one item by its key, `{}` if absent. Every read is consistent."""
    refuse_unknown(parameters, READ)
    table = database.catalog.require(table_name(parameters))
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    boolean(parameters, "ConsistentRead", default=False)
    document = await database.read(lambda connection: rows.fetch_document(connection, table, key))
    return b"{}" if document is None else b'{"Item":' + document + b"}"


async def put_item(database: Database, parameters: Parameters) -> bytes:
    """Replace the whole item."""
    return await _write(database, read_put(database, parameters))


async def update_item(database: Database, parameters: Parameters) -> bytes:
    """Update the item, or create it."""
    return await _write(database, read_update(database, parameters))


async def delete_item(database: Database, parameters: Parameters) -> bytes:
    """Delete the item; succeeds also if it is absent."""
    return await _write(database, read_delete(database, parameters))


def read_put(database: Database, parameters: Parameters) -> changes.Request:
    """Parse a put, alone or in a transaction."""
    refuse_unknown(parameters, PUT)
    table = database.catalog.require(table_name(parameters))
    item = canonical_item(mapping(parameters, "Item"))
    return _request(table, key_of_item(table.keys, item), changes.Put(item), Expressions(parameters))


def read_update(database: Database, parameters: Parameters) -> changes.Request:
    """Parse an update, alone or in a transaction."""
    refuse_unknown(parameters, UPDATE)
    table = database.catalog.require(table_name(parameters))
    key = canonical_item(mapping(parameters, "Key"))
    expressions = Expressions(parameters)
    expression = expressions.update()
    _refuse_changes_of_key(table, expression)
    return _request(table, key_alone(table.keys, key), changes.Update(key, expression), expressions)


def read_delete(database: Database, parameters: Parameters) -> changes.Request:
    """Parse a delete, alone, in a batch or in a transaction."""
    refuse_unknown(parameters, DELETE)
    table = database.catalog.require(table_name(parameters))
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    return _request(table, key, changes.Delete(), Expressions(parameters))


def _request(
    table: Table, key: StoredKey, effect: changes.Put | changes.Update | changes.Delete, expressions: Expressions
) -> changes.Request:
    condition = expressions.condition("ConditionExpression")
    expressions.finish()
    return changes.Request(table, key, effect, condition, expressions.values)


async def _write(database: Database, request: changes.Request) -> bytes:
    def work(connection: sqlite3.Connection) -> None:
        changes.store(connection, changes.decide(connection, database.catalog, request))

    await database.write(work)
    return b"{}"


def _refuse_changes_of_key(table: Table, expression: UpdateExpression) -> None:
    names = {attribute.name for attribute in table.keys.attributes}
    for action in expression.actions:
        if action.attribute in names:
            raise ValidationException(
                f"One or more parameter values were invalid: Cannot update attribute {action.attribute}. "
                "This attribute is part of the key"
            )
