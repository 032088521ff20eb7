"""The change of one item, decided first and stored later, so that several can be decided before the first is stored."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from local.tables import rows, updates
from local.tables.catalog import Catalog
from local.tables.conditions import Values, holds
from local.tables.errors import ConditionalCheckFailedException, ValidationException
from local.tables.keys import StoredKey
from local.tables.schema import Table
from local.tables.syntax import ConditionExpression, UpdateExpression
from local.tables.values import Item

MAX_ITEM_BYTES: Final = 400 * 1024  # bytes; "Constraints": items
CONDITION_FAILED: Final = "The conditional request failed"


@dataclass(frozen=True, slots=True)
class Put:
    """Replaces the item with the same key, or creates it."""

    item: Item


@dataclass(frozen=True, slots=True)
class Update:
    """Updates the item, or creates it from its `key`."""

    key: Item
    expression: UpdateExpression


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes the item if it exists."""


@dataclass(frozen=True, slots=True)
class Request:
    """A requested change of one item."""

    table: Table
    key: StoredKey
    effect: Put | Update | Delete
    condition: ConditionExpression | None
    values: Values

    @property
    def target(self) -> tuple[str, bytes, bytes]:
        """Equal for two requests on the same item."""
        return (self.table.name, self.key.partition, self.key.sort)


@dataclass(frozen=True, slots=True)
class Decided:
    """A request whose condition held, with the item before and after it; `columns` are those of `after`."""

    table: Table
    key: StoredKey
    before: rows.Row | None
    after: Item | None
    columns: dict[str, Any]


def decide(connection: sqlite3.Connection, catalog: Catalog, request: Request) -> Decided:
    """Decide a request without writing. Raises a TablesError if it must be refused."""
    # reload it: since the request was read, its time to live may have been enabled
    table = catalog.require(request.table.name)
    before = rows.fetch(connection, table, request.key)
    item = None if before is None else before.item
    if request.condition is not None and not holds(request.condition.root, item or {}, request.values):
        raise ConditionalCheckFailedException(CONDITION_FAILED)
    after = _after(request, item)
    columns = {} if after is None else rows.columns_of(table, after)
    if columns and columns["size"] > MAX_ITEM_BYTES:
        verb = " to update" if isinstance(request.effect, Update) else ""
        raise ValidationException(f"Item size{verb} has exceeded the maximum allowed size")
    return Decided(table, request.key, before, after, columns)


def store(connection: sqlite3.Connection, decided: Decided) -> None:
    """Write a decided change."""
    table, before, after = decided.table, decided.before, decided.after
    if after is None:
        if before is not None:
            rows.delete(connection, table, before)
        return
    document = rows.encode(after)
    if before is None:
        rows.insert(connection, table, decided.key, document, decided.columns)
    elif document != before.document:
        rows.replace(connection, table, before, document, decided.columns)


def _after(request: Request, item: Item | None) -> Item | None:
    match request.effect:
        case Put(requested):
            return requested
        case Update(key, expression):
            return updates.apply(expression, key if item is None else item, request.values)
        case Delete():
            return None
