"""Reads and writes single rows on a connection, and keeps the columns of the indexes in step with the item."""

import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from local.tables import statements
from local.tables.keys import StoredKey
from local.tables.schema import Table
from local.tables.values import Item, item_bytes

MAX_EXPIRY: Final = 2**62  # seconds; SQLite's integers end at 2**63


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it stands; `id` is storage's own number for it."""

    id: int
    item: Item
    document: bytes


def encode(document: Any) -> bytes:
    """JSON without white space."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def decode(document: bytes) -> Item:
    """A stored document."""
    item: Item = json.loads(document)
    return item


def fetch(connection: sqlite3.Connection, table: Table, key: StoredKey) -> Row | None:
    """None when there is no such item."""
    rows = connection.execute(statements.fetch(table.rows), (key.partition, key.sort)).fetchone()
    return None if rows is None else Row(rows[0], decode(rows[1]), rows[1])


def fetch_document(connection: sqlite3.Connection, table: Table, key: StoredKey) -> bytes | None:
    """The item's JSON as it is stored; None when there is no such item."""
    rows = connection.execute(statements.fetch(table.rows), (key.partition, key.sort)).fetchone()
    return None if rows is None else rows[1]


def columns_of(table: Table, item: Item) -> dict[str, Any]:
    """What storage keeps of the item besides its key; raises ValidationException when an index cannot take it."""
    return {"size": item_bytes(item), **_indexed_columns(table, item)}


def insert(
    connection: sqlite3.Connection, table: Table, key: StoredKey, document: bytes, columns: dict[str, Any]
) -> None:
    """The key must be free."""
    values = {"partition": key.partition, "sort": key.sort, "document": document, **columns}
    connection.execute(statements.insert(table.rows, tuple(values)), tuple(values.values()))


def replace(connection: sqlite3.Connection, table: Table, old: Row, document: bytes, columns: dict[str, Any]) -> None:
    """Leaves alone the indexed columns that stay as they were."""
    before = _indexed_columns(table, old.item)
    changed = {name: value for name, value in columns.items() if name not in before or value != before[name]}
    values = {"document": document, **changed}
    connection.execute(statements.update(table.rows, tuple(values)), (*values.values(), old.id))


def delete(connection: sqlite3.Connection, table: Table, old: Row) -> None:
    """Takes the row out of all indexes."""
    connection.execute(statements.delete(table.rows), (old.id,))


def expiry(item: Item, attribute: str | None) -> int | None:
    """The second after which the item may go; None when it says none."""
    value = item.get(attribute, {}).get("N") if attribute is not None else None
    return None if value is None else max(0, min(int(Decimal(value)), MAX_EXPIRY))


def _indexed_columns(table: Table, item: Item) -> dict[str, Any]:
    columns: dict[str, Any] = {"expires_at": expiry(item, table.expiry_attribute)}
    for index in table.indexes:
        columns.update(zip(index.columns, index.entry(item), strict=True))
    return columns
