"""Query and Scan."""

from typing import Final

from local.tables.database import Database
from local.tables.definitions import table_name
from local.tables.errors import ValidationException
from local.tables.expressions import Expressions
from local.tables.key_conditions import key_range
from local.tables.pages import PageRequest, read_page
from local.tables.ranges import SCAN_ORDER, query_bounds, query_order, scan_bounds
from local.tables.requests import (
    Parameters,
    boolean,
    choice,
    missing,
    optional_mapping,
    optional_text,
    positive,
    refuse_unknown,
)
from local.tables.schema import Index, Table
from local.tables.values import Item, canonical_item

QUERY_PARAMETERS: Final = frozenset(
    {
        "ConsistentRead",
        "ExclusiveStartKey",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "IndexName",
        "KeyConditionExpression",
        "Limit",
        "ScanIndexForward",
        "Select",
        "TableName",
    }
)
SCAN_PARAMETERS: Final = frozenset({"ConsistentRead", "ExclusiveStartKey", "Limit", "TableName"})
SELECTIONS: Final = ("", "COUNT")


async def query(database: Database, parameters: Parameters) -> bytes:
    """Return rows of one partition in the order of their sort keys."""
    request = plan_query(database.catalog.require(table_name(parameters)), parameters)
    return await database.read(lambda connection: read_page(connection, request))


async def scan(database: Database, parameters: Parameters) -> bytes:
    """Return all rows in the order of the partitions' hashes. Every read is consistent."""
    refuse_unknown(parameters, SCAN_PARAMETERS)
    table = database.catalog.require(table_name(parameters))
    boolean(parameters, "ConsistentRead", default=False)
    request = PageRequest(
        table=table,
        index=None,
        bounds=scan_bounds(table, _start(parameters)),
        order=SCAN_ORDER,
        forward=True,
        limit=positive(parameters, "Limit"),
        counts_only=False,
    )
    return await database.read(lambda connection: read_page(connection, request))


def plan_query(table: Table, parameters: Parameters) -> PageRequest:
    """Build the page request of a query. Raises a TablesError if the parameters are invalid for this table."""
    refuse_unknown(parameters, QUERY_PARAMETERS)
    index = _index(table, parameters)
    expressions = Expressions(parameters)
    condition = expressions.condition("KeyConditionExpression")
    if condition is None:
        raise missing("KeyConditionExpression")
    expressions.finish()
    key_bounds = key_range(condition.root, table.keys if index is None else index.keys, expressions.values)
    forward = boolean(parameters, "ScanIndexForward", default=True)
    return PageRequest(
        table=table,
        index=index,
        bounds=query_bounds(table, index, key_bounds, _start(parameters), forward),
        order=query_order(index, key_bounds),
        forward=forward,
        limit=positive(parameters, "Limit"),
        counts_only=choice(parameters, "Select", SELECTIONS) == "COUNT",
    )


def _index(table: Table, parameters: Parameters) -> Index | None:
    name = optional_text(parameters, "IndexName")
    index = None if name is None else table.index(name)
    if index is not None and index.is_global and boolean(parameters, "ConsistentRead", default=False):
        raise ValidationException("Consistent reads are not supported on global secondary indexes")
    return index


def _start(parameters: Parameters) -> Item | None:
    start_key = optional_mapping(parameters, "ExclusiveStartKey")
    return None if start_key is None else canonical_item(start_key)
