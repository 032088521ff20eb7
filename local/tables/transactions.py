"""TransactWriteItems: all actions or none, and each token once."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, Final

from local.tables import changes, items
from local.tables.database import Database
from local.tables.errors import (
    ConditionalCheckFailedException,
    IdempotentParameterMismatchException,
    TransactionCanceledException,
    ValidationException,
)
from local.tables.requests import Parameters, array, constraint, mapping, optional_text, refuse_unknown, structure
from local.tables.values import item_bytes

MAX_ACTIONS: Final = 100  # "TransactWriteItems"
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024  # "TransactWriteItems": the sum of all items
MAX_TOKEN_CHARACTERS: Final = 36  # "ClientRequestToken"
PARAMETERS: Final = frozenset({"ClientRequestToken", "TransactItems"})
TOKEN_SECONDS: Final = 600  # "Idempotency": 10 minutes
READERS: Final = {
    "Put": items.read_put,
    "Update": items.read_update,
    "Delete": items.read_delete,
}
NO_REASON: Final[Mapping[str, Any]] = {"Code": "None"}


async def transact_write_items(database: Database, parameters: Parameters) -> bytes:
    """Run a transaction. Repeating it with the same token does nothing and succeeds."""
    refuse_unknown(parameters, PARAMETERS)
    requests = [_read_action(database, value) for value in _actions(parameters)]
    if len({request.target for request in requests}) != len(requests):
        raise ValidationException("Transaction request cannot include multiple operations on one item")
    token = optional_text(parameters, "ClientRequestToken")
    if token is not None and not 1 <= len(token) <= MAX_TOKEN_CHARACTERS:
        raise constraint("ClientRequestToken", token, f"Member must have length between 1 and {MAX_TOKEN_CHARACTERS}")
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


def delete_tokens(connection: sqlite3.Connection, *, maximum: int) -> int:
    """Delete expired tokens, oldest first; return their number."""
    oldest = "SELECT number FROM request_tokens ORDER BY number LIMIT ?"
    return connection.execute(
        f"DELETE FROM request_tokens WHERE number IN ({oldest}) AND created_at < ?",  # noqa: S608  # a constant
        (maximum, time.time() - TOKEN_SECONDS),
    ).rowcount


def _actions(parameters: Parameters) -> list[dict[str, Any]]:
    actions = array(parameters, "TransactItems")
    if not 1 <= len(actions) <= MAX_ACTIONS:
        raise constraint(
            "TransactItems",
            f"[{len(actions)} members]",
            f"Member must have length less than or equal to {MAX_ACTIONS} and at least 1",
        )
    return [structure(action) for action in actions]


def _read_action(database: Database, action: dict[str, Any]) -> changes.Request:
    present = [name for name in action if action[name] is not None]
    if len(present) != 1 or present[0] not in READERS:
        raise ValidationException(
            "TransactItems can only contain one of Put, Update or Delete in each of its members here"
        )
    return READERS[present[0]](database, mapping(action, present[0]))


def _decide_all(
    connection: sqlite3.Connection, database: Database, requests: list[changes.Request]
) -> list[changes.Decided]:
    """Decide all actions. Raises TransactionCanceledException with a reason for each refused action."""
    decided: list[changes.Decided] = []
    reasons: list[Mapping[str, Any]] = []
    for request in requests:
        try:
            decided.append(changes.decide(connection, database.catalog, request))
            reasons.append(NO_REASON)
        except ConditionalCheckFailedException as error:
            reasons.append({"Code": "ConditionalCheckFailed", "Message": error.message})
        except ValidationException as error:
            reasons.append({"Code": "ValidationError", "Message": error.message})
    if len(decided) < len(requests):
        raise TransactionCanceledException(reasons)
    if sum(item_bytes(change.after) for change in decided if change.after is not None) > MAX_TRANSACTION_BYTES:
        raise ValidationException("Collection size of items in the transaction exceeds the limit of 4 MB")
    return decided


def _digest(parameters: Parameters) -> bytes:
    return hashlib.sha256(json.dumps(parameters["TransactItems"], sort_keys=True).encode()).digest()


def _is_repeated(connection: sqlite3.Connection, token: str, digest: bytes) -> bool:
    row = connection.execute(
        "SELECT number, digest, created_at FROM request_tokens WHERE token = ?", (token,)
    ).fetchone()
    if row is None:
        return False
    number, known, created_at = row
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
