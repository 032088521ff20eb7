"""One change of one item: first decided, then stored, so that several can be decided before the first is stored."""

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

LARGEST_ITEM: Final = 400 * 1024  # bytes; "Constraints": items
CONDITION_FAILED: Final = "The conditional request failed"


@dataclass(frozen=True, slots=True)
class Put:
    """The item takes the place of what stood under its key."""

    item: Item


@dataclass(frozen=True, slots=True)
class Update:
    """The item is changed, or made from its `key` when there is none."""

    key: Item
    expression: UpdateExpression


@dataclass(frozen=True, slots=True)
class Delete:
    """The item goes, if it is there."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller wants done to one item."""

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
    """A request whose condition held, with the item as it was and as it will be; `columns` are those of `after`."""

    table: Table
    key: StoredKey
    before: rows.Row | None
    after: Item | None
    columns: dict[str, Any]


def decide(connection: sqlite3.Connection, catalog: Catalog, request: Request) -> Decided:
    """Writes nothing; raises a TablesError when the request must be refused."""
    table = catalog.require(request.table.name)  # as it is now: it may expire its rows since the request was read
    before = rows.fetch(connection, table, request.key)
    item = None if before is None else before.item
    if request.condition is not None and not holds(request.condition.root, item or {}, request.values):
        raise ConditionalCheckFailedException(CONDITION_FAILED)
    after = _after(request, item)
    columns = {} if after is None else rows.columns_of(table, after)
    if columns and columns["size"] > LARGEST_ITEM:
        verb = " to update" if isinstance(request.effect, Update) else ""
        raise ValidationException(f"Item size{verb} has exceeded the maximum allowed size")
    return Decided(table, request.key, before, after, columns)


def store(connection: sqlite3.Connection, decided: Decided) -> None:
    """Writes what was decided."""
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
