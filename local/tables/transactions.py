"""TransactWriteItems and TransactGetItems: all or nothing, and each token once."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, Final

from local.tables import changes, items, rows
from local.tables.database import Database
from local.tables.definitions import table_name
from local.tables.errors import (
    ConditionalCheckFailedException,
    IdempotentParameterMismatchException,
    TransactionCanceledException,
    ValidationException,
)
from local.tables.expressions import Expressions
from local.tables.keys import StoredKey, key_alone
from local.tables.requests import Parameters, array, constraint, mapping, optional_text, structure
from local.tables.schema import Table
from local.tables.syntax import Path
from local.tables.values import canonical_item, item_bytes

MOST_ACTIONS: Final = 100  # "TransactWriteItems"
LARGEST_TRANSACTION: Final = 4 * 1024 * 1024  # bytes of items
LONGEST_TOKEN: Final = 36  # characters
TOKEN_SECONDS: Final = 600  # "Idempotency": 10 minutes
READERS: Final = {
    "Put": items.read_put,
    "Update": items.read_update,
    "Delete": items.read_delete,
    "ConditionCheck": items.read_check,
}
NO_REASON: Final[Mapping[str, Any]] = {"Code": "None"}


async def transact_write_items(database: Database, parameters: Parameters) -> bytes:
    """The second time with one token does nothing and succeeds."""
    requests = [_read_action(database, value) for value in _actions(parameters)]
    if len({request.target for request in requests}) != len(requests):
        raise ValidationException("Transaction request cannot include multiple operations on one item")
    token = optional_text(parameters, "ClientRequestToken")
    if token is not None and not 1 <= len(token) <= LONGEST_TOKEN:
        raise constraint("ClientRequestToken", token, f"Member must have length between 1 and {LONGEST_TOKEN}")
    digest = _digest(parameters)

    def work(connection: sqlite3.Connection) -> None:
        if token is not None and _is_repeated(connection, token, digest):
            return
        for decided in _decide_all(connection, database, requests):
            changes.store(connection, decided)
        if token is not None:
            _remember(connection, token, digest)

    await database.write(work)
    return b"{}"


async def transact_get_items(database: Database, parameters: Parameters) -> bytes:
    """All as they stood at one moment, in the order asked; `{}` for what does not exist."""
    wanted = [_read_get(database, value) for value in _actions(parameters)]

    def work(connection: sqlite3.Connection) -> bytes:
        connection.execute("BEGIN")
        with connection:
            documents = [rows.fetch_document(connection, table, key) for table, key, _ in wanted]
        return b",".join(
            b"{}" if document is None else b'{"Item":' + items.shown(document, paths) + b"}"
            for document, (_, _, paths) in zip(documents, wanted, strict=True)
        )

    return b'{"Responses":[' + await database.read(work) + b"]}"


def forget_tokens(connection: sqlite3.Connection, *, at_most: int) -> int:
    """Drops tokens past their time, oldest first; returns how many went."""
    oldest = "SELECT number FROM request_tokens ORDER BY number LIMIT ?"
    return connection.execute(
        f"DELETE FROM request_tokens WHERE number IN ({oldest}) AND created_at < ?",  # noqa: S608  # a constant
        (at_most, time.time() - TOKEN_SECONDS),
    ).rowcount


def _actions(parameters: Parameters) -> list[dict[str, Any]]:
    actions = array(parameters, "TransactItems")
    if not 1 <= len(actions) <= MOST_ACTIONS:
        raise constraint(
            "TransactItems",
            f"[{len(actions)} members]",
            f"Member must have length less than or equal to {MOST_ACTIONS} and at least 1",
        )
    return [structure(action) for action in actions]


def _read_action(database: Database, action: dict[str, Any]) -> changes.Request:
    given = [name for name in action if action[name] is not None]
    if len(given) != 1 or given[0] not in READERS:
        raise ValidationException(
            "TransactItems can only contain one of Check, Put, Update or Delete in each of its members"
        )
    parameters = mapping(action, given[0])
    if given[0] == "ConditionCheck" and parameters.get("ConditionExpression") is None:
        raise constraint("ConditionExpression", "null", "Member must not be null", quoted=False)
    return READERS[given[0]](database, parameters)


def _read_get(database: Database, action: dict[str, Any]) -> tuple[Table, StoredKey, tuple[Path, ...] | None]:
    parameters = mapping(action, "Get")
    table = database.catalog.require(table_name(parameters))
    expressions = Expressions(parameters)
    projection = expressions.projection()
    expressions.finish()
    key = key_alone(table.keys, canonical_item(mapping(parameters, "Key")))
    return table, key, None if projection is None else projection.paths


def _decide_all(
    connection: sqlite3.Connection, database: Database, requests: list[changes.Request]
) -> list[changes.Decided]:
    """Raises TransactionCanceledException with a reason for each action that was refused."""
    decided: list[changes.Decided] = []
    reasons: list[Mapping[str, Any]] = []
    for request in requests:
        try:
            decided.append(changes.decide(connection, database.catalog, request))
            reasons.append(NO_REASON)
        except ConditionalCheckFailedException as refusal:
            reason = {"Code": "ConditionalCheckFailed", "Message": refusal.message}
            reasons.append(reason if refusal.item is None else {**reason, "Item": refusal.item})
        except ValidationException as refusal:
            reasons.append({"Code": "ValidationError", "Message": refusal.message})
    if len(decided) < len(requests):
        raise TransactionCanceledException(reasons)
    if sum(item_bytes(change.after) for change in decided if change.after is not None) > LARGEST_TRANSACTION:
        raise ValidationException("Collection size of items in the transaction exceeds the limit of 4 MB")
    return decided


def _digest(parameters: Parameters) -> bytes:
    return hashlib.sha256(json.dumps(parameters["TransactItems"], sort_keys=True).encode()).digest()


def _is_repeated(connection: sqlite3.Connection, token: str, digest: bytes) -> bool:
    found = connection.execute(
        "SELECT number, digest, created_at FROM request_tokens WHERE token = ?", (token,)
    ).fetchone()
    if found is None:
        return False
    number, known, created_at = found
    if created_at < time.time() - TOKEN_SECONDS:
        connection.execute("DELETE FROM request_tokens WHERE number = ?", (number,))
        return False
    if known != digest:
        raise IdempotentParameterMismatchException(
            "The request uses the same client token as a previous, but non-identical request. "
            "Do not reuse a client token with different requests, unless the requests are identical"
        )
    return True


def _remember(connection: sqlite3.Connection, token: str, digest: bytes) -> None:
    connection.execute(
        "INSERT INTO request_tokens (token, digest, created_at) VALUES (?, ?, ?)", (token, digest, time.time())
    )
