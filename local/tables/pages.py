"""Reads one page of a Query or a Scan: rows in an index's order, from a start, up to a limit."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from local.tables import rows, statements
from local.tables.conditions import Values, holds
from local.tables.keys import key_attributes
from local.tables.projections import project
from local.tables.schema import Index, Table
from local.tables.syntax import ConditionExpression, Path
from local.tables.values import Item

LARGEST_PAGE: Final = 1024 * 1024  # bytes read, before the filter: "Query", "Scan"
NO_LIMIT: Final = -1  # as SQLite spells it


@dataclass(frozen=True, slots=True)
class Bound:
    """A condition on columns of an index, and what its marks stand for."""

    sql: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to read; `index` None means the table itself, `carried` None all attributes, `paths` None whole items."""

    table: Table
    index: Index | None
    bounds: tuple[Bound, ...]
    order: tuple[str, ...]
    forward: bool
    limit: int | None
    filter: ConditionExpression | None
    values: Values
    carried: frozenset[str] | None
    paths: tuple[Path, ...] | None
    counts_only: bool


def read_page(connection: sqlite3.Connection, request: PageRequest) -> bytes:
    """The answer's JSON. It names the last key read whenever the page ended before the rows did."""
    shape = _shaper(request)
    found: list[bytes] = []
    scanned = count = size = 0
    document = b""
    ended_early = False
    cursor = connection.execute(*_statement(request))
    for row_document, row_size in cursor:
        if size + row_size > LARGEST_PAGE:
            ended_early = True
            break
        document = row_document
        scanned += 1
        size += row_size
        shaped = shape(document)
        if shaped is not None:
            count += 1
            if not request.counts_only:
                found.append(shaped)
    cursor.close()  # or its snapshot would keep the log from being brought into the file
    parts = [] if request.counts_only else [b'"Items":[' + b",".join(found) + b"]"]
    parts.append(b'"Count":%d,"ScannedCount":%d' % (count, scanned))
    if ended_early or scanned == request.limit:
        parts.append(b'"LastEvaluatedKey":' + rows.encode(_position(request, rows.decode(document))))
    return b"{" + b",".join(parts) + b"}"


def _statement(request: PageRequest) -> tuple[str, list[Any]]:
    conditions = [bound.sql for bound in request.bounds]
    if request.index is not None:
        conditions.append(statements.presence(request.index))
    text = statements.select(
        request.table.rows,
        statements.index_name(request.table, request.index),
        conditions,
        request.order,
        "ASC" if request.forward else "DESC",
    )
    values = [value for bound in request.bounds for value in bound.values]
    return text, [*values, NO_LIMIT if request.limit is None else request.limit]


def _shaper(request: PageRequest) -> Callable[[bytes], bytes | None]:
    """Makes an answer's item of a stored document; None when the filter refuses it."""
    if request.filter is None and request.paths is None and request.carried is None:
        return lambda document: document  # as it is stored, without parsing it
    condition = None if request.filter is None else request.filter.root

    def shape(document: bytes) -> bytes | None:
        item = rows.decode(document)
        if request.carried is not None:
            item = {name: value for name, value in item.items() if name in request.carried}
        if condition is not None and not holds(condition, item, request.values):
            return None
        return rows.encode(item if request.paths is None else project(item, request.paths))

    return shape


def _position(request: PageRequest, item: Item) -> Item:
    own = {} if request.index is None else key_attributes(request.index.keys, item)
    return {**own, **key_attributes(request.table.keys, item)}
