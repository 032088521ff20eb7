"""The relational tables as the code declares them and as the migrations create them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.dialects import mysql

from app.migrations import declared_tables
from app.migrations.run import migrate
from app.stores.aurora import Database
from tests.golden.flat import text_of

_MYSQL = mysql.dialect()


def declared() -> str:
    """Return the declared tables with their Aurora MySQL types."""
    return text_of(_lines(declared_tables.metadata.sorted_tables, mysql_types=True))


async def migrated() -> str:
    """Return the tables of an empty SQLite database after all migrations, as SQLite describes them."""
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'darkroom.db'}"
        await migrate(url)
        database = Database(url)
        async with database.writer.read() as connection:
            lines = await connection.run_sync(_reflected)
        await database.close()
    return text_of(lines)


def _reflected(connection: Connection) -> list[str]:
    results = MetaData()
    results.reflect(connection)
    tables = [table for table in results.sorted_tables if table.name in set(inspect(connection).get_table_names())]
    return list(_lines(tables, mysql_types=False))


def _lines(tables: Iterable[Table], *, mysql_types: bool) -> Iterator[str]:
    for table in tables:
        for column in table.columns:
            kind = column.type.compile(_MYSQL) if mysql_types else str(column.type)
            default = f"  default {column.server_default.arg}" if column.server_default is not None else ""  # type: ignore[attr-defined]  # all our server defaults have it
            null = "null" if column.nullable else "not null"
            yield f"{table.name}  column {column.name}  {kind}  {null}{default}"
        yield f"{table.name}  primary key  {', '.join(column.name for column in table.primary_key)}"
        for index in table.indexes:
            unique = "unique " if index.unique else ""
            yield f"{table.name}  {unique}index {index.name}  {', '.join(map(str, index.expressions))}"
        for constraint in table.constraints:
            columns = ", ".join(column.name for column in constraint.columns) if hasattr(constraint, "columns") else ""
            if type(constraint).__name__ != "PrimaryKeyConstraint":
                yield f"{table.name}  {type(constraint).__name__} {constraint.name}  {columns}"
        for key in table.foreign_keys:
            yield f"{table.name}  foreign key {key.parent.name}  {key.target_fullname}  on delete {key.ondelete}"
