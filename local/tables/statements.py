"""The SQL of a table's rows; the only interpolated names are ours and end in numbers."""

from collections.abc import Iterable
from functools import lru_cache

from local.tables.schema import Index, Table

CATALOG = """
CREATE TABLE IF NOT EXISTS tables (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    created_at REAL NOT NULL,
    expiry_attribute TEXT
);
CREATE TABLE IF NOT EXISTS request_tokens (
    number INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    created_at REAL NOT NULL
);
"""


def create(table: Table) -> list[str]:
    """Return the statements that create the rows, with one column per key of each index, and one SQLite index each."""
    columns = "".join(f", {column} BLOB" for column in table.index_columns)
    own = (
        "id INTEGER PRIMARY KEY, partition BLOB NOT NULL, sort BLOB NOT NULL, size INTEGER NOT NULL, expires_at INTEGER"
    )
    statements = [
        f"CREATE TABLE {table.rows} ({own}, document BLOB NOT NULL{columns})",
        f"CREATE UNIQUE INDEX {table.rows}_primary ON {table.rows} (partition, sort)",
        f"CREATE INDEX {table.rows}_expiry ON {table.rows} (expires_at) WHERE expires_at IS NOT NULL",
    ]
    for index in table.indexes:
        columns = ", ".join((index.partition_column, *index.order))
        statements.append(
            f"CREATE INDEX {index_name(table, index)} ON {table.rows} ({columns}) WHERE {presence(index)}"
        )
    return statements


def index_name(table: Table, index: Index | None) -> str:
    """Return the name of the SQLite index for the table itself, or for one of its indexes."""
    return f"{table.rows}_primary" if index is None else f"{table.rows}_index_{index.number}"


def presence(index: Index) -> str:
    """Return a condition for the rows in the index: an index's columns are all null or all set."""
    return f"{index.columns[0]} IS NOT NULL"


@lru_cache
def fetch(rows: str) -> str:
    """Select one row by its key."""
    return f"SELECT id, document FROM {rows} WHERE partition = ? AND sort = ?"  # noqa: S608  # a name of ours


@lru_cache
def insert(rows: str, columns: tuple[str, ...]) -> str:
    """Insert a row; the values are in the order of the columns."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {rows} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # names of ours


@lru_cache
def update(rows: str, columns: tuple[str, ...]) -> str:
    """Update only the changed columns, so that SQLite does not touch the other indexes."""
    changes = ", ".join(f"{column} = ?" for column in columns)
    return f"UPDATE {rows} SET {changes} WHERE id = ?"  # noqa: S608  # names of ours


@lru_cache
def delete(rows: str) -> str:
    """Delete one row by its number."""
    return f"DELETE FROM {rows} WHERE id = ?"  # noqa: S608  # a name of ours


@lru_cache
def expire(rows: str) -> str:
    """Delete a limited number of expired rows."""
    oldest = f"SELECT id FROM {rows} WHERE expires_at BETWEEN ? AND ? LIMIT ?"  # noqa: S608  # a name of ours
    return f"DELETE FROM {rows} WHERE id IN ({oldest})"  # noqa: S608  # a name of ours


@lru_cache
def all_documents(rows: str) -> str:
    """Select every row in order of its number, page by page."""
    return f"SELECT id, document FROM {rows} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  # a name of ours


def select(rows: str, index: str, conditions: Iterable[str], order: Iterable[str], direction: str) -> str:
    """Select the rows of one index in its order."""
    where = " AND ".join(conditions) or "TRUE"
    by = ", ".join(f"{column} {direction}" for column in order)
    return (
        f"SELECT document, size FROM {rows} INDEXED BY {index} "  # noqa: S608  # names of ours, values are bound
        f"WHERE {where} ORDER BY {by} LIMIT ?"
    )
