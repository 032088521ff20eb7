"""Fill every table of any schema revision with one row, built from the columns that the database reports."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, Integer, MetaData, Table, inspect, select, text

Row = Mapping[str, Any]
MOMENT = datetime(2026, 11, 27, 1, 2, 3)  # noqa: DTZ001 - the column stores a naive datetime
WORD = "[]"
"""Short enough for every text column, and valid JSON for columns with a JSON check."""


def tables(connection: Connection) -> list[Table]:
    """Return the existing tables, parents before children."""
    results = MetaData()
    results.reflect(connection)
    return [table for table in results.sorted_tables if table.name != "alembic_version"]


def fill(connection: Connection) -> None:
    """Insert one row into each empty table. All keys are equal, so every foreign key matches."""
    for table in tables(connection):
        if connection.execute(select(table)).first() is None:
            connection.execute(table.insert().values({column.name: _value(column) for column in table.columns}))


def contents(connection: Connection) -> dict[str, list[Row]]:
    """Return each table's rows as the driver returns them."""
    return {
        name: [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]  # noqa: S608
        for name in inspect(connection).get_table_names()
        if name != "alembic_version"
    }


def missing_rows(before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]) -> list[str]:
    """Return the tables in both snapshots that lost or changed a row, comparing only the columns that both have."""
    return [
        name
        for name, rows in before.items()
        if name in after
        and [_narrowed(row, after[name]) for row in rows] != [_narrowed(row, rows) for row in after[name]]
    ]


def _narrowed(row: Row, other_rows: list[Row]) -> Row:
    return {name: value for name, value in row.items() if other_rows and name in other_rows[0]}


def _value(column: Column[Any]) -> Any:
    match column.type:
        case JSON():
            return []
        case DateTime():
            return MOMENT
        case Integer() | Boolean():
            return 1
        case _:
            return WORD
