"""Query and Scan."""

from typing import Final

from local.tables.conditions import attributes_of
from local.tables.database import Database
from local.tables.definitions import table_name
from local.tables.errors import ValidationException
from local.tables.expressions import Expressions
from local.tables.key_conditions import key_range
from local.tables.keys import KeySchema
from local.tables.pages import Bound, PageRequest, read_page
from local.tables.ranges import query_bounds, query_order, scan_bounds, scan_order
from local.tables.requests import (
    Parameters,
    boolean,
    choice,
    constraint,
    missing,
    optional_mapping,
    optional_text,
    positive,
    whole,
)
from local.tables.schema import Index, Table
from local.tables.syntax import Condition, Path, ProjectionExpression
from local.tables.values import Item, canonical_item

MOST_SEGMENTS: Final = 1_000_000  # "Scan": TotalSegments
SELECTIONS: Final = ("", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")


async def query(database: Database, parameters: Parameters) -> bytes:
    """Rows of one partition in the order of their sort keys."""
    request = plan_query(database.catalog.require(table_name(parameters)), parameters)
    return await database.read(lambda connection: read_page(connection, request))


async def scan(database: Database, parameters: Parameters) -> bytes:
    """All rows, or one segment of them, in the order of the partitions' hashes."""
    request = plan_scan(database.catalog.require(table_name(parameters)), parameters)
    return await database.read(lambda connection: read_page(connection, request))


def plan_query(table: Table, parameters: Parameters) -> PageRequest:
    """Raises a TablesError when the parameters make no query of this table."""
    index = _index(table, parameters)
    expressions = Expressions(parameters)
    condition = expressions.condition("KeyConditionExpression")
    if condition is None:
        raise ValidationException(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    keys = table.keys if index is None else index.keys
    wanted = key_range(condition.root, keys, expressions.values)
    forward = boolean(parameters, "ScanIndexForward", default=True)
    bounds = query_bounds(table, index, wanted, _start(parameters), forward)
    order = query_order(table, index, wanted)
    request = _page_request(parameters, table, index, expressions, (bounds, order, forward))
    if request.filter is not None:
        _refuse_keys_in_filter(request.filter.root, keys)
    return request


def plan_scan(table: Table, parameters: Parameters) -> PageRequest:
    """Raises a TablesError when the parameters make no scan of this table."""
    index = _index(table, parameters)
    bounds = scan_bounds(table, index, _segment(parameters), _start(parameters))
    return _page_request(parameters, table, index, Expressions(parameters), (bounds, scan_order(index), True))


def _page_request(
    parameters: Parameters,
    table: Table,
    index: Index | None,
    expressions: Expressions,
    rows: tuple[tuple[Bound, ...], tuple[str, ...], bool],
) -> PageRequest:
    bounds, order, forward = rows
    filter_condition = expressions.condition("FilterExpression")
    projection = expressions.projection()
    expressions.finish()
    return PageRequest(
        table=table,
        index=index,
        bounds=bounds,
        order=order,
        forward=forward,
        limit=positive(parameters, "Limit"),
        filter=filter_condition,
        values=expressions.values,
        carried=_carried(parameters, index, projection),
        paths=_paths(parameters, index, projection),
        counts_only=optional_text(parameters, "Select") == "COUNT",
    )


def _index(table: Table, parameters: Parameters) -> Index | None:
    name = optional_text(parameters, "IndexName")
    index = None if name is None else table.index(name)
    if index is not None and index.is_global and boolean(parameters, "ConsistentRead", default=False):
        raise ValidationException("Consistent reads are not supported on global secondary indexes")
    return index


def _start(parameters: Parameters) -> Item | None:
    given = optional_mapping(parameters, "ExclusiveStartKey")
    return None if given is None else canonical_item(given)


def _segment(parameters: Parameters) -> tuple[int, int] | None:
    number, total = whole(parameters, "Segment"), positive(parameters, "TotalSegments")
    if number is None and total is None:
        return None
    if number is None or total is None:
        raise ValidationException(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is "
            "present"
            if total is None
            else "The Segment parameter is required but was not present in the request when parameter TotalSegments "
            "is present"
        )
    if total > MOST_SEGMENTS:
        raise constraint("TotalSegments", total, f"Member must have value less than or equal to {MOST_SEGMENTS}")
    if number >= total:
        raise ValidationException(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {number} is not less than TotalSegments: {total}"
        )
    return number, total


def _paths(
    parameters: Parameters, index: Index | None, projection: ProjectionExpression | None
) -> tuple[Path, ...] | None:
    """What to show of what the index carries; None for all of it."""
    selection = choice(parameters, "Select", SELECTIONS)
    if projection is None:
        if selection == "SPECIFIC_ATTRIBUTES":
            raise missing("ProjectionExpression")
        if selection == "ALL_PROJECTED_ATTRIBUTES" and index is None:
            raise ValidationException("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
        return None
    if selection not in ("", "SPECIFIC_ATTRIBUTES"):
        raise ValidationException(f"Cannot specify the ProjectionExpression when choosing to get {selection}")
    return projection.paths


def _carried(
    parameters: Parameters, index: Index | None, projection: ProjectionExpression | None
) -> frozenset[str] | None:
    """The attributes that an index has; None for all. A local one fetches from the table whatever else is asked."""
    if index is None or index.projection.included is None:
        return None
    selection = optional_text(parameters, "Select")
    asked = frozenset(str(path[0]) for path in projection.paths) if projection is not None else frozenset[str]()
    outside = asked - index.projection.included
    if not index.is_global:
        return None if outside or selection == "ALL_ATTRIBUTES" else index.projection.included
    if selection == "ALL_ATTRIBUTES":
        raise ValidationException(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
            f"secondary index {index.name} because its projection type is not ALL"
        )
    if outside:
        raise ValidationException(
            "One or more parameter values were invalid: "
            f"Global secondary index {index.name} does not project [{', '.join(sorted(outside))}]"
        )
    return index.projection.included


def _refuse_keys_in_filter(condition: Condition, keys: KeySchema) -> None:
    for name in sorted(attributes_of(condition) & {attribute.name for attribute in keys.attributes}):
        raise ValidationException(
            f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        )
