"""DynamoDB: rows as plain dictionaries, conditional writes as values, transactions that report the refused write."""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from app.stores.aws_errors import AwsErrors, CallRejected, Outcomes, Translation
from darkroom_shared.problems import Unavailable

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb.client import DynamoDBClient

Row = dict[str, Any]
"""Strings, integers, floats, booleans, None, lists and dictionaries of these."""

BATCH_GET_ROWS = 100
"""DynamoDB's limit for one BatchGetItem."""
BATCH_WRITE_ROWS = 25
"""DynamoDB's limit for one BatchWriteItem."""
UNPROCESSED_ATTEMPTS = 10
UNPROCESSED_WAIT_SECONDS = 0.2
"""DynamoDB leaves a part of a batch undone when it is throttled."""
CONFLICT_ATTEMPTS = 6
CONFLICT_WAIT_SECONDS = 0.01


class Refused(Exception):
    """The condition of a single write failed."""


class TransactionRefused(Exception):
    """The conditions of the actions at `indices` failed; nothing was written."""

    def __init__(self, indices: frozenset[int]) -> None:
        super().__init__(f"refused actions: {sorted(indices)}")
        self.indices = indices


class TransactionConflict(Exception):
    """Another transaction holds one of the rows; nothing was written, and a retry may succeed."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression over attributes; `names` and `values` define its placeholders `#…` and `:…`."""

    expression: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One write, built by a store, to be run alone or as part of a transaction; equal only to itself."""

    verb: str
    table: str
    key: Row
    arguments: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, ...]:
        """Table and key. Actions with the same identity write the same row and cannot share a transaction."""
        return (self.table, *(str(part) for part in self.key.values()))


def put(table: str, key: Row, attributes: Row, condition: Condition | None = None) -> Action:
    """Return an action that replaces the whole row; attributes that are None are left out."""
    row = {name: value for name, value in (key | attributes).items() if value is not None}
    return Action("Put", table, key, {"Item": encode(row)} | _condition(condition))


def update(table: str, key: Row, expression: str, condition: Condition) -> Action:
    """Return an action whose `condition` holds the names and values of both expressions.

    With an empty condition expression the update is unconditional.
    """
    arguments = {"Key": encode(key), "UpdateExpression": expression} | _condition(condition)
    return Action("Update", table, key, arguments)


def delete(table: str, key: Row, condition: Condition | None = None) -> Action:
    return Action("Delete", table, key, {"Key": encode(key)} | _condition(condition))


def _condition(condition: Condition | None) -> dict[str, Any]:
    if condition is None:
        return {}
    arguments: dict[str, Any] = {}
    if condition.expression:
        arguments["ConditionExpression"] = condition.expression
    if condition.names:
        arguments["ExpressionAttributeNames"] = dict(condition.names)
    if condition.values:
        arguments["ExpressionAttributeValues"] = encode(condition.values)
    return arguments


@dataclass(frozen=True, slots=True)
class Query:
    """A query of one partition, in the order of its sort key."""

    table: str
    key: Condition
    index: str | None = None
    descending: bool = False
    limit: int | None = None
    start_after: Row | None = None

    def arguments(self, *, consistent: bool) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": self.key.expression,
            "ExpressionAttributeValues": encode(self.key.values),
            "ScanIndexForward": not self.descending,
            "ConsistentRead": consistent,
        }
        if self.key.names:
            arguments["ExpressionAttributeNames"] = dict(self.key.names)
        if self.index:
            arguments["IndexName"] = self.index
        if self.limit:
            arguments["Limit"] = self.limit
        if self.start_after:
            arguments["ExclusiveStartKey"] = encode(self.start_after)
        return arguments


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    more: bool


class Dynamo:
    """Client of DynamoDB. Raises `Unavailable` for every failure that may pass, `CallRejected` for a malformed call."""

    def __init__(self, client: "DynamoDBClient", errors: AwsErrors | None = None) -> None:
        self._client, self._translated = client, Translation("DynamoDB", errors)

    async def get(self, table: str, key: Row) -> Row | None:
        """Return the row after all acknowledged writes, or None if it is absent."""
        with self._translated():
            response = await self._client.get_item(TableName=table, Key=encode(key), ConsistentRead=True)
        return decode(response["Item"]) if "Item" in response else None

    async def get_many(self, table: str, keys: Sequence[Row]) -> list[Row]:
        """Return the rows that exist, in no order, after all acknowledged writes."""
        rows: list[Row] = []
        for start in range(0, len(keys), BATCH_GET_ROWS):
            pending: Any = {
                table: {"Keys": [encode(key) for key in keys[start : start + BATCH_GET_ROWS]], "ConsistentRead": True}
            }
            for _ in range(UNPROCESSED_ATTEMPTS):
                with self._translated():
                    response = await self._client.batch_get_item(RequestItems=pending)
                rows += [decode(row) for row in response["Responses"].get(table, [])]
                pending = response.get("UnprocessedKeys")
                if not pending:
                    break
                await asyncio.sleep(UNPROCESSED_WAIT_SECONDS)
            else:
                raise Unavailable("DynamoDB throttles requests at the moment.", retry_after_seconds=1)
        return rows

    async def query(self, query: Query, *, consistent: bool = True) -> Page:
        """Return one page. A global index does not support consistent reads."""
        with self._translated():
            response = await self._client.query(**query.arguments(consistent=consistent))
        return Page([decode(row) for row in response["Items"]], "LastEvaluatedKey" in response)

    async def count(self, query: Query) -> int:
        """Count the matching rows over all pages."""
        arguments, count = query.arguments(consistent=True) | {"Select": "COUNT"}, 0
        while True:
            with self._translated():
                response = await self._client.query(**arguments)
            count += response["Count"]
            if "LastEvaluatedKey" not in response:
                return count
            arguments["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    async def scan(self, table: str, start_after: Row | None = None) -> tuple[list[Row], Row | None]:
        """Return one page of the whole table, and the key after which the next one starts (None after the last)."""
        start: Any = {"ExclusiveStartKey": encode(start_after)} if start_after else {}
        with self._translated():
            response = await self._client.scan(TableName=table, ConsistentRead=True, **start)
        last = response.get("LastEvaluatedKey")
        return [decode(row) for row in response["Items"]], decode(last) if last else None

    async def write(self, action: Action) -> None:
        """Run one action. Raises Refused if its condition fails.

        Retries a few times while a transaction holds the row; then raises Unavailable.
        """
        call: Any = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }[action.verb]
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                with self._translated(_WRITE_OUTCOMES):
                    await call(TableName=action.table, **action.arguments)
            except TransactionConflict:
                await asyncio.sleep(random.uniform(0, CONFLICT_WAIT_SECONDS * 2**attempt))  # noqa: S311  jitter
            else:
                return
        raise Unavailable("Too many changes of this row at once.", retry_after_seconds=1)

    async def delete_many(self, table: str, keys: Sequence[Row]) -> None:
        """Delete each row on its own and without a condition; an absent row is no error."""
        for start in range(0, len(keys), BATCH_WRITE_ROWS):
            batch = keys[start : start + BATCH_WRITE_ROWS]
            pending: Any = {table: [{"DeleteRequest": {"Key": encode(key)}} for key in batch]}
            for _ in range(UNPROCESSED_ATTEMPTS):
                with self._translated():
                    response = await self._client.batch_write_item(RequestItems=pending)
                pending = response.get("UnprocessedItems")
                if not pending:
                    break
                await asyncio.sleep(UNPROCESSED_WAIT_SECONDS)
            else:
                raise Unavailable("DynamoDB throttles requests at the moment.", retry_after_seconds=1)

    async def transact(self, actions: Sequence[Action], token: str) -> None:
        """Run all actions or none. The same `token` and actions sent again within ten minutes write once.

        Raises TransactionRefused or TransactionConflict.
        """
        wire: Any = [{action.verb: {"TableName": action.table, **action.arguments}} for action in actions]
        with self._translated(_TRANSACTION_OUTCOMES):
            await self._client.transact_write_items(TransactItems=wire, ClientRequestToken=token)


def _cancellation(error: ClientError) -> Exception:
    response: Any = error.response
    codes = [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]
    refused = frozenset(index for index, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if refused:
        return TransactionRefused(refused)
    if any(code in {"ValidationError", "ItemCollectionSizeLimitExceeded"} for code in codes):
        return CallRejected()
    return TransactionConflict(str(codes))


_WRITE_OUTCOMES: Outcomes = {
    "ConditionalCheckFailedException": lambda _error: Refused(),
    "TransactionConflictException": lambda _error: TransactionConflict(),
}
_TRANSACTION_OUTCOMES: Outcomes = {"TransactionCanceledException": _cancellation}


def encode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _encode(value) for name, value in row.items()}


def decode(row: Mapping[str, Any]) -> Row:
    return {name: _decode(value) for name, value in row.items()}


def _encode(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": encode(value)}
        case Iterable():
            return {"L": [_encode(each) for each in value]}
        case _:
            raise TypeError(f"DynamoDB holds no {type(value).__name__}")


def _decode(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "NULL":
            return None
        case "M":
            return decode(content)
        case "L":
            return [_decode(each) for each in content]
        case _:
            raise TypeError(f"an attribute of DynamoDB's type {kind}, which we never write")
