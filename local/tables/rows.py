"""Read and write single rows on a connection; the index columns are updated with the item."""

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
    """An item as stored; `id` is its row number."""

    id: int
    item: Item
    document: bytes


def encode(document: Any) -> bytes:
    """Encode as JSON without white space."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def decode(document: bytes) -> Item:
    """Decode a stored document."""
    item: Item = json.loads(document)
    return item


def fetch(connection: sqlite3.Connection, table: Table, key: StoredKey) -> Row | None:
    """Return the row of a key; None if absent."""
    row = connection.execute(statements.fetch(table.rows), (key.partition, key.sort)).fetchone()
    return None if row is None else Row(row[0], decode(row[1]), row[1])


def fetch_document(connection: sqlite3.Connection, table: Table, key: StoredKey) -> bytes | None:
    """Return the item's JSON as stored; None if absent."""
    row = connection.execute(statements.fetch(table.rows), (key.partition, key.sort)).fetchone()
    return None if row is None else row[1]


def columns_of(table: Table, item: Item) -> dict[str, Any]:
    """Return the columns of an item besides its key. Raises ValidationException if an index cannot contain it."""
    return {"size": item_bytes(item), **_indexed_columns(table, item)}


def insert(
    connection: sqlite3.Connection, table: Table, key: StoredKey, document: bytes, columns: dict[str, Any]
) -> None:
    """Insert a row; its key must be unused."""
    values = {"partition": key.partition, "sort": key.sort, "document": document, **columns}
    connection.execute(statements.insert(table.rows, tuple(values)), tuple(values.values()))


def replace(connection: sqlite3.Connection, table: Table, old: Row, document: bytes, columns: dict[str, Any]) -> None:
    """Replace a row; unchanged indexed columns are not written."""
    before = _indexed_columns(table, old.item)
    changed = {name: value for name, value in columns.items() if name not in before or value != before[name]}
    values = {"document": document, **changed}
    connection.execute(statements.update(table.rows, tuple(values)), (*values.values(), old.id))


def delete(connection: sqlite3.Connection, table: Table, old: Row) -> None:
    """Delete the row, also from all indexes."""
    connection.execute(statements.delete(table.rows), (old.id,))


def expiry(item: Item, attribute: str | None) -> int | None:
    """Return the second after which the item may be deleted; None if it has no expiry."""
    value = item.get(attribute, {}).get("N") if attribute is not None else None
    return None if value is None else max(0, min(int(Decimal(value)), MAX_EXPIRY))


def _indexed_columns(table: Table, item: Item) -> dict[str, Any]:
    columns: dict[str, Any] = {"expires_at": expiry(item, table.expiry_attribute)}
    for index in table.indexes:
        columns.update(zip(index.columns, index.entry(item), strict=True))
    return columns
