"""CreateTable and UpdateTimeToLive."""

import sqlite3
from typing import Final

from local.tables import catalog, rows
from local.tables.database import Database
from local.tables.definitions import STORED_PARAMETERS, read_table, table_name
from local.tables.errors import ValidationException
from local.tables.requests import Parameters, boolean, mapping, refuse_unknown, text

CREATE_PARAMETERS: Final = frozenset({"BillingMode", "TableName", *STORED_PARAMETERS})
EXPIRY_PARAMETERS: Final = frozenset({"TableName", "TimeToLiveSpecification"})


async def create_table(database: Database, parameters: Parameters) -> bytes:
    """Create a table, which is active immediately."""
    refuse_unknown(parameters, CREATE_PARAMETERS)
    read_table(parameters, number=0)  # refuse it here, before the writer's turn
    table = await database.change_schema(lambda connection: catalog.create(connection, parameters))
    return rows.encode({"TableDescription": {"TableName": table.name, "TableStatus": "ACTIVE"}})


async def update_time_to_live(database: Database, parameters: Parameters) -> bytes:
    """Enable expiry, also for existing rows; enabling it again is refused."""
    refuse_unknown(parameters, EXPIRY_PARAMETERS)
    name = table_name(parameters)
    specification = mapping(parameters, "TimeToLiveSpecification")
    attribute = text(specification, "AttributeName")
    if not boolean(specification, "Enabled", default=False):
        raise ValidationException("TimeToLive is never disabled here")

    def work(connection: sqlite3.Connection) -> None:
        table = database.catalog.require(name)
        if table.expiry_attribute is not None:
            raise ValidationException("TimeToLive is already enabled")
        catalog.set_expiry(connection, table, attribute)

    await database.change_schema(work)
    return rows.encode({"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": True}})
