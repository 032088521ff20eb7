"""The catalog of tables: stored in the file, cached in memory, replaced as a whole after each change."""

import json
import sqlite3
import time

from local.tables import rows, statements
from local.tables.definitions import STORED_PARAMETERS, read_table, table_name
from local.tables.errors import ResourceInUseException, ResourceNotFoundException
from local.tables.requests import Parameters
from local.tables.schema import Table

BACKFILL_ROWS = 1000


class Catalog:
    """Any thread may read it; only the writer reloads it."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    @property
    def names(self) -> list[str]:
        """In sorted order."""
        return sorted(self._tables)

    def load(self, connection: sqlite3.Connection) -> None:
        """Load all tables from the file."""
        rows = connection.execute("SELECT number, definition, expiry_attribute FROM tables")
        tables = [
            read_table(json.loads(definition), number=number).expiring_by(expiry_attribute)
            for number, definition, expiry_attribute in rows.fetchall()
        ]
        self._tables = {table.name: table for table in tables}

    def require(self, name: str) -> Table:
        """Raises ResourceNotFoundException."""
        table = self._tables.get(name)
        if table is None:
            raise ResourceNotFoundException
        return table


def create(connection: sqlite3.Connection, parameters: Parameters) -> Table:
    """Create a table. Raises ResourceInUseException if the name is taken."""
    name = table_name(parameters)
    if connection.execute("SELECT 1 FROM tables WHERE name = ?", (name,)).fetchone():
        raise ResourceInUseException(f"Table already exists: {name}")
    stored = {"TableName": name, **{name: parameters[name] for name in STORED_PARAMETERS if name in parameters}}
    definition = json.dumps(stored)
    number = connection.execute(
        "INSERT INTO tables (name, definition, created_at) VALUES (?, ?, ?)",
        (name, definition, time.time()),
    ).lastrowid
    assert number is not None, "SQLite numbers every inserted row"  # noqa: S101  # for the type checker
    table = read_table(stored, number=number)
    for statement in statements.create(table):
        connection.execute(statement)
    return table


def set_expiry(connection: sqlite3.Connection, table: Table, attribute: str) -> None:
    """Set the time-to-live attribute, also for existing rows."""
    connection.execute("UPDATE tables SET expiry_attribute = ? WHERE number = ?", (attribute, table.number))
    last = 0
    while page := connection.execute(statements.all_documents(table.rows), (last, BACKFILL_ROWS)).fetchall():
        changes = [(rows.expiry(json.loads(document), attribute), number) for number, document in page]
        connection.executemany(statements.update(table.rows, ("expires_at",)), changes)
        last = page[-1][0]
