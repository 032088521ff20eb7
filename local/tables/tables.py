"""CreateTable, DescribeTable, ListTables, DeleteTable, UpdateTimeToLive and DescribeTimeToLive."""

import sqlite3
from typing import Final

from local.tables import catalog, rows, statements
from local.tables.database import Database
from local.tables.definitions import describe, read_table, table_name
from local.tables.errors import ResourceNotFoundException, ValidationException
from local.tables.requests import Parameters, boolean, constraint, mapping, optional_text, positive, text
from local.tables.schema import Table

MOST_NAMES: Final = 100  # "ListTables"


async def create_table(database: Database, parameters: Parameters) -> bytes:
    """It is active at once."""
    read_table(parameters, number=0, created_at=0)  # refused here rather than in the writer's turn
    table = await database.change_schema(lambda connection: catalog.create(connection, parameters))
    return rows.encode({"TableDescription": describe(table, item_count=0)})


async def describe_table(database: Database, parameters: Parameters) -> bytes:
    """With the true count of the moment, where DynamoDB's is hours old; the bytes are not counted."""
    table = _require(database, parameters)
    count = await database.read(lambda connection: _count(connection, table))
    return rows.encode({"Table": describe(table, item_count=count)})


async def list_tables(database: Database, parameters: Parameters) -> bytes:
    """Names in order, in pages."""
    limit = positive(parameters, "Limit") or MOST_NAMES
    if limit > MOST_NAMES:
        raise constraint("Limit", limit, f"Member must have value less than or equal to {MOST_NAMES}")
    start = optional_text(parameters, "ExclusiveStartTableName") or ""
    names = [name for name in database.catalog.names if name > start]
    answer: dict[str, object] = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return rows.encode(answer)


async def delete_table(database: Database, parameters: Parameters) -> bytes:
    """It is gone at once."""
    name = _require(database, parameters).name

    def work(connection: sqlite3.Connection) -> Table:
        table = database.catalog.require(name)
        catalog.delete(connection, table)
        return table

    table = await database.change_schema(work)
    description = describe(table, item_count=0)
    return rows.encode({"TableDescription": {**description, "TableStatus": "DELETING"}})


async def update_time_to_live(database: Database, parameters: Parameters) -> bytes:
    """Holds for the rows that are there already, too."""
    name = _require(database, parameters).name
    specification = mapping(parameters, "TimeToLiveSpecification")
    attribute = text(specification, "AttributeName")
    enabled = boolean(specification, "Enabled", default=False)

    def work(connection: sqlite3.Connection) -> None:
        table = database.catalog.require(name)
        if enabled == (table.expiry_attribute is not None):
            raise ValidationException(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        if not enabled and table.expiry_attribute != attribute:
            raise ValidationException(f"TimeToLive is active on a different AttributeName: {table.expiry_attribute}")
        catalog.set_expiry(connection, table, attribute if enabled else None)

    await database.change_schema(work)
    return rows.encode({"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}})


async def describe_time_to_live(database: Database, parameters: Parameters) -> bytes:
    """Enabled or not, and by which attribute."""
    attribute = _require(database, parameters).expiry_attribute
    if attribute is None:
        return rows.encode({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})
    return rows.encode({"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}})


def _require(database: Database, parameters: Parameters) -> Table:
    name = table_name(parameters)
    try:
        return database.catalog.require(name)
    except ResourceNotFoundException:
        raise ResourceNotFoundException(f"Requested resource not found: Table: {name} not found") from None


def _count(connection: sqlite3.Connection, table: Table) -> int:
    [count] = connection.execute(statements.count(table.rows)).fetchone()
    return int(count)
