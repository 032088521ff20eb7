"""Read one page of a Query or a Scan: rows in an index's order, from a start, up to a limit."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from local.tables import rows, statements
from local.tables.keys import key_attributes
from local.tables.schema import Index, Table
from local.tables.values import Item

MAX_PAGE_BYTES: Final = 1024 * 1024  # bytes read: "Query", "Scan"
NO_LIMIT: Final = -1  # SQLite's value for no limit


@dataclass(frozen=True, slots=True)
class Bound:
    """A condition on columns of an index, and the values of its placeholders."""

    sql: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to read; with `index` None, the table itself."""

    table: Table
    index: Index | None
    bounds: tuple[Bound, ...]
    order: tuple[str, ...]
    forward: bool
    limit: int | None
    counts_only: bool


def read_page(connection: sqlite3.Connection, request: PageRequest) -> bytes:
    """Return the response's JSON. It contains the last key read if the page ended before the rows."""
    items: list[bytes] = []
    count = size = 0
    document = b""
    ended_early = False
    cursor = connection.execute(*_statement(request))
    for row_document, row_size in cursor:
        if size + row_size > MAX_PAGE_BYTES:
            ended_early = True
            break
        document = row_document
        count += 1
        size += row_size
        if not request.counts_only:
            items.append(_carried(document, request.index))
    cursor.close()  # otherwise its snapshot would prevent a checkpoint of the log
    parts = [] if request.counts_only else [b'"Items":[' + b",".join(items) + b"]"]
    parts.append(b'"Count":%d,"ScannedCount":%d' % (count, count))
    if ended_early or count == request.limit:
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


def _carried(document: bytes, index: Index | None) -> bytes:
    """Return the part of a document that the index includes; if that is all of it, the stored bytes without parsing."""
    if index is None or index.included is None:
        return document
    return rows.encode({name: value for name, value in rows.decode(document).items() if name in index.included})


def _position(request: PageRequest, item: Item) -> Item:
    own = {} if request.index is None else key_attributes(request.index.keys, item)
    return {**own, **key_attributes(request.table.keys, item)}
