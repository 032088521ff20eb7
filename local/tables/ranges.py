"""Bounds on an index's columns: a range of sort keys, and the start after the previous page."""

from typing import Final

from local.tables.errors import ValidationException
from local.tables.key_conditions import KeyRange, Limit
from local.tables.keys import encode_partition, encode_sort, key_alone, key_attributes
from local.tables.pages import Bound
from local.tables.schema import Index, Table
from local.tables.values import Item

SCAN_ORDER: Final = ("partition", "sort")
"""Partitions by hash, then by sort key."""
OUTSIDE: Final = "The provided starting key is outside query boundaries based on provided conditions"


def query_order(index: Index | None, key_bounds: KeyRange) -> tuple[str, ...]:
    """Return the columns that order rows of the range; a sort key equal in all of them is left out."""
    order = ("sort",) if index is None else index.order
    return order if key_bounds.only is None else order[1:] or order


def query_bounds(
    table: Table, index: Index | None, key_bounds: KeyRange, start: Item | None, forward: bool
) -> tuple[Bound, ...]:
    """Return the bounds of a query. A start replaces the end of the range that precedes it, so that SQLite seeks
    directly to it.
    """
    partition_column = "partition" if index is None else index.partition_column
    sort_column = "sort" if index is None else index.sort_column
    bounds = [Bound(f"{partition_column} = ?", (key_bounds.partition,))]
    low, high = key_bounds.low, key_bounds.high
    only = key_bounds.only
    if start is not None:
        _require_inside(table, index, key_bounds, start)
        order = query_order(index, key_bounds)
        bounds.append(_after(order, _position(table, index, start), forward))
        low, high = (None, high) if forward else (low, None)
    if only is not None:
        bounds.append(Bound(f"{sort_column} = ?", (only,)))
        return tuple(bounds)
    if low is not None:
        bounds.append(_end(sort_column, ">", low))
    if high is not None:
        bounds.append(_end(sort_column, "<", high))
    return tuple(bounds)


def scan_bounds(table: Table, start: Item | None) -> tuple[Bound, ...]:
    """Return the bound of a scan's start, if any."""
    return () if start is None else (_after(SCAN_ORDER, _position(table, None, start), forward=True),)


def _position(table: Table, index: Index | None, start: Item) -> dict[str, bytes]:
    """Return the values of the index's columns at a start. Raises ValidationException if it is not a key of this
    index.
    """
    schemas = [table.keys] if index is None else [table.keys, index.keys]
    attributes = {attribute.name: attribute for schema in schemas for attribute in schema.attributes}
    if start.keys() != attributes.keys() or any(
        attribute.kind not in start[attribute.name] for attribute in attributes.values()
    ):
        raise ValidationException(
            "The provided starting key is invalid: The provided key element does not match the schema"
        )
    key = key_alone(table.keys, key_attributes(table.keys, start))
    position = {"partition": key.partition, "sort": key.sort}
    if index is not None:
        position[index.partition_column] = encode_partition(index.keys.partition.kind, start[index.keys.partition.name])
        position[index.sort_column] = encode_sort(index.keys.sort.kind, start[index.keys.sort.name])
    return position


def _require_inside(table: Table, index: Index | None, key_bounds: KeyRange, start: Item) -> None:
    position = _position(table, index, start)
    partition = position["partition" if index is None else index.partition_column]
    sort = position["sort" if index is None else index.sort_column]
    if partition != key_bounds.partition or not key_bounds.contains(sort):
        raise ValidationException(OUTSIDE)


def _after(order: tuple[str, ...], position: dict[str, bytes], forward: bool) -> Bound:
    marks = ", ".join("?" * len(order))
    comparator = ">" if forward else "<"
    return Bound(f"({', '.join(order)}) {comparator} ({marks})", tuple(position[column] for column in order))


def _end(column: str, comparator: str, limit: Limit) -> Bound:
    return Bound(f"{column} {comparator}{'=' if limit.inclusive else ''} ?", (limit.value,))
