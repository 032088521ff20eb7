"""Insertion of rows of which some may exist, in each database's dialect."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_absent(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert all rows with one statement; a row whose primary or unique key exists is left unchanged."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        await connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
        return
    first = next(iter(table.primary_key))
    # Not INSERT IGNORE, which also swallows values that do not fit.
    await connection.execute(mysql.insert(table).on_duplicate_key_update({first.name: first}), rows)
