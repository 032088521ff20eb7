"""GetItem, PutItem, UpdateItem and DeleteItem, and how one write is read out of a request."""

import sqlite3
from typing import Final

from local.tables import changes, rows
from local.tables.database import Database
from local.tables.definitions import table_name
from local.tables.errors import ValidationException
from local.tables.expressions import Expressions
from local.tables.keys import StoredKey, key_alone, key_of_item
from local.tables.projections import project
from local.tables.requests import Parameters, boolean, choice, mapping
from local.tables.schema import Table
from local.tables.syntax import Path, UpdateExpression
from local.tables.values import Item, canonical_item

OLD_OR_NOTHING: Final = ("NONE", "ALL_OLD")
ANY_RETURN: Final = ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")


async def get_item(database: Database, parameters: Parameters) -> bytes:
    """One item by its key; `{}` when there is none. Every read is consistent."""
    table = database.catalog.require(table_name(parameters))
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    boolean(parameters, "ConsistentRead", default=False)
    expressions = Expressions(parameters)
    projection = expressions.projection()
    expressions.finish()
    document = await database.read(lambda connection: rows.fetch_document(connection, table, key))
    if document is None:
        return b"{}"
    return b'{"Item":' + shown(document, None if projection is None else projection.paths) + b"}"


async def put_item(database: Database, parameters: Parameters) -> bytes:
    """Replaces the whole item."""
    returned = choice(parameters, "ReturnValues", OLD_OR_NOTHING)
    return await _write(database, read_put(database, parameters), returned)


async def update_item(database: Database, parameters: Parameters) -> bytes:
    """Changes the item, or makes it."""
    returned = choice(parameters, "ReturnValues", ANY_RETURN)
    return await _write(database, read_update(database, parameters), returned)


async def delete_item(database: Database, parameters: Parameters) -> bytes:
    """Succeeds also when there is no item."""
    returned = choice(parameters, "ReturnValues", OLD_OR_NOTHING)
    return await _write(database, read_delete(database, parameters), returned)


def read_put(database: Database, parameters: Parameters) -> changes.Request:
    """A put, alone or in a transaction."""
    table = database.catalog.require(table_name(parameters))
    item = canonical_item(mapping(parameters, "Item"))
    return _request(parameters, table, key_of_item(table.keys, item), changes.Put(item))


def read_update(database: Database, parameters: Parameters) -> changes.Request:
    """An update, alone or in a transaction."""
    table = database.catalog.require(table_name(parameters))
    key = canonical_item(mapping(parameters, "Key"))
    expressions = Expressions(parameters)
    expression = expressions.update()
    if expression is not None:
        _refuse_changes_of_key(table, expression)
    return _request(parameters, table, key_alone(table.keys, key), changes.Update(key, expression), expressions)


def read_delete(database: Database, parameters: Parameters) -> changes.Request:
    """A delete, alone or in a transaction."""
    table = database.catalog.require(table_name(parameters))
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    return _request(parameters, table, key, changes.Delete())


def read_check(database: Database, parameters: Parameters) -> changes.Request:
    """A ConditionCheck of a transaction."""
    table = database.catalog.require(table_name(parameters))
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    return _request(parameters, table, key, changes.Check())


def shown(document: bytes, paths: tuple[Path, ...] | None) -> bytes:
    """A stored document cut down to the paths; None means the whole of it, as it is."""
    return document if paths is None else rows.encode(project(rows.decode(document), paths))


def _request(
    parameters: Parameters,
    table: Table,
    key: StoredKey,
    effect: changes.Put | changes.Update | changes.Delete | changes.Check,
    expressions: Expressions | None = None,
) -> changes.Request:
    expressions = expressions or Expressions(parameters)
    condition = expressions.condition("ConditionExpression")
    expressions.finish()
    shows = choice(parameters, "ReturnValuesOnConditionCheckFailure", OLD_OR_NOTHING) == "ALL_OLD"
    return changes.Request(table, key, effect, condition, expressions.values, shows)


async def _write(database: Database, request: changes.Request, returned: str) -> bytes:
    def work(connection: sqlite3.Connection) -> tuple[changes.Decided, bytes | None]:
        decided = changes.decide(connection, database.catalog, request)
        return decided, changes.store(connection, decided)

    decided, document = await database.write(work)
    attributes = _attributes(request, decided, document, returned)
    return b"{}" if attributes is None else b'{"Attributes":' + attributes + b"}"


def _attributes(
    request: changes.Request, decided: changes.Decided, document: bytes | None, returned: str
) -> bytes | None:
    before = None if decided.before is None else decided.before.document
    match returned:
        case "ALL_OLD":
            return before
        case "ALL_NEW":
            return document
        case "UPDATED_OLD":
            return None if before is None else _updated(before, request)
        case "UPDATED_NEW":
            return None if document is None else _updated(document, request)
        case _:
            return None


def _updated(document: bytes, request: changes.Request) -> bytes | None:
    if not isinstance(request.effect, changes.Update) or request.effect.expression is None:
        return None
    touched: Item = project(rows.decode(document), [action.path for action in request.effect.expression.actions])
    return rows.encode(touched) if touched else None


def _refuse_changes_of_key(table: Table, expression: UpdateExpression) -> None:
    names = {attribute.name for attribute in table.keys.attributes}
    for action in expression.actions:
        if action.path[0] in names:
            raise ValidationException(
                f"One or more parameter values were invalid: Cannot update attribute {action.path[0]}. "
                "This attribute is part of the key"
            )
