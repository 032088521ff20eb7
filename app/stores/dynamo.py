"""DynamoDB: rows as plain dictionaries, conditional writes as values, transactions that report the refused write."""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from app.stores.aws_errors import DATA_LIMIT, AwsErrors, ErrorClass, Outcomes, PartitionFull, Translation, classify_code
from app.stores.dynamo_values import decode, encode
from app.stores.resources import DEFAULT_NAMES, ResourceNames
from darkroom_shared.problems import Unavailable

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb.client import DynamoDBClient

Row = dict[str, Any]
"""Strings, integers, floats, booleans, None, lists and dictionaries of these."""

BATCH_GET_ROWS = 100
"""DynamoDB's limit for one BatchGetItem."""
BATCH_WRITE_ROWS = 25
"""DynamoDB's limit for one BatchWriteItem."""
UNPROCESSED_ATTEMPTS = 8
UNPROCESSED_WAIT_SECONDS = 0.05
MAX_UNPROCESSED_WAIT_SECONDS = 1.0
"""DynamoDB leaves a part of a batch undone when it is throttled. The waits between attempts double, with jitter: at
most 4.5 s in all, less than the deadline of a request."""
CONFLICT_ATTEMPTS = 6
CONFLICT_WAIT_SECONDS = 0.01
THROTTLED_ATTEMPTS = 3
THROTTLED_WAIT_SECONDS = 0.25


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

    def __init__(
        self, client: "DynamoDBClient", errors: AwsErrors | None = None, named: ResourceNames = DEFAULT_NAMES
    ) -> None:
        self._client, self._translated, self._named = client, Translation("DynamoDB", errors), named

    async def get(self, table: str, key: Row) -> Row | None:
        """Return the row after all acknowledged writes, or None if it is absent."""
        with self._translated():
            response = await self._client.get_item(TableName=self._named(table), Key=encode(key), ConsistentRead=True)
        return decode(response["Item"]) if "Item" in response else None

    async def get_many(self, table: str, keys: Sequence[Row]) -> list[Row]:
        """Return the rows that exist, in no particular order, after all acknowledged writes."""
        rows: list[Row] = []
        name = self._named(table)
        for start in range(0, len(keys), BATCH_GET_ROWS):
            pending: Any = {
                name: {"Keys": [encode(key) for key in keys[start : start + BATCH_GET_ROWS]], "ConsistentRead": True}
            }
            for attempt in range(UNPROCESSED_ATTEMPTS):
                with self._translated():
                    response = await self._client.batch_get_item(RequestItems=pending)
                rows += [decode(row) for row in response["Responses"].get(name, [])]
                pending = response.get("UnprocessedKeys")
                if not pending:
                    break
                await asyncio.sleep(_unprocessed_wait(attempt))
            else:
                raise self._translated.failure(ErrorClass.THROTTLED)
        return rows

    async def query(self, query: Query, *, consistent: bool = True) -> Page:
        """Return one page. A global index does not support consistent reads."""
        with self._translated():
            response = await self._client.query(**self._arguments(query, consistent=consistent))
        return Page([decode(row) for row in response["Items"]], "LastEvaluatedKey" in response)

    async def count(self, query: Query) -> int:
        """Count the matching rows over all pages."""
        arguments, count = self._arguments(query, consistent=True) | {"Select": "COUNT"}, 0
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
            response = await self._client.scan(TableName=self._named(table), ConsistentRead=True, **start)
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
                    await call(TableName=self._named(action.table), **action.arguments)
            except TransactionConflict:
                await asyncio.sleep(random.uniform(0, CONFLICT_WAIT_SECONDS * 2**attempt))  # noqa: S311  jitter
            else:
                return
        self._translated.record(ErrorClass.CONFLICT)
        raise Unavailable("Too many changes of this row at once.", retry_after_seconds=1)

    async def delete_many(self, table: str, keys: Sequence[Row]) -> None:
        """Delete each row on its own and without a condition; an absent row is not an error."""
        for start in range(0, len(keys), BATCH_WRITE_ROWS):
            batch = keys[start : start + BATCH_WRITE_ROWS]
            pending: Any = {self._named(table): [{"DeleteRequest": {"Key": encode(key)}} for key in batch]}
            for attempt in range(UNPROCESSED_ATTEMPTS):
                with self._translated():
                    response = await self._client.batch_write_item(RequestItems=pending)
                pending = response.get("UnprocessedItems")
                if not pending:
                    break
                await asyncio.sleep(_unprocessed_wait(attempt))
            else:
                raise self._translated.failure(ErrorClass.THROTTLED)

    async def transact(self, actions: Sequence[Action], token: str) -> None:
        """Run all actions or none. The same `token` and actions sent again within ten minutes write once.

        Raises TransactionRefused or TransactionConflict. Repeats a throttled transaction as the SDK repeats a throttled
        single call; then raises Unavailable.
        """
        wire: Any = [{action.verb: {"TableName": self._named(action.table), **action.arguments}} for action in actions]
        for attempt in itertools.count(1):
            try:
                with self._translated(_TRANSACTION_OUTCOMES):
                    await self._client.transact_write_items(TransactItems=wire, ClientRequestToken=token)
            except _Cancelled as cancelled:
                if cancelled.error_class is not ErrorClass.THROTTLED or attempt == THROTTLED_ATTEMPTS:
                    raise self._failure(cancelled.error_class) from cancelled
                await asyncio.sleep(random.uniform(0, THROTTLED_WAIT_SECONDS * 2**attempt))  # noqa: S311  jitter
            else:
                return

    def _arguments(self, query: Query, *, consistent: bool) -> dict[str, Any]:
        return query.arguments(consistent=consistent) | {"TableName": self._named(query.table)}

    def _failure(self, error_class: ErrorClass) -> Exception:
        """Count a cancelled transaction and return the exception for it."""
        if error_class is ErrorClass.CONFLICT:
            self._translated.record(error_class)
            return TransactionConflict()
        return self._translated.failure(error_class)


def _unprocessed_wait(attempt: int) -> float:
    limit = min(MAX_UNPROCESSED_WAIT_SECONDS, UNPROCESSED_WAIT_SECONDS * 2**attempt)
    return random.uniform(limit / 2, limit)  # noqa: S311  jitter


class _Cancelled(Exception):
    """DynamoDB cancelled the transaction; no condition failed."""

    def __init__(self, error_class: ErrorClass) -> None:
        super().__init__(error_class.value)
        self.error_class = error_class


def _cancellation(error: ClientError) -> Exception:
    """Return TransactionRefused if a condition failed, PartitionFull if a partition has no room, else `_Cancelled` with
    the class of the reasons.

    A conflict decides only if there is no other reason, because it alone is retried at once; what is rejected decides
    before what may pass.
    """
    response: Any = error.response
    codes = [reason.get("Code") or "None" for reason in response.get("CancellationReasons", [])]
    refused = frozenset(index for index, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if refused:
        return TransactionRefused(refused)
    if any(code.startswith(DATA_LIMIT) for code in codes):
        return PartitionFull()
    classes = [classify_code(code, HTTPStatus.BAD_REQUEST) for code in codes if code != "None"]
    if ErrorClass.REJECTED in classes:
        return _Cancelled(ErrorClass.REJECTED)
    return _Cancelled(next((each for each in classes if each is not ErrorClass.CONFLICT), ErrorClass.CONFLICT))


_WRITE_OUTCOMES: Outcomes = {
    "ConditionalCheckFailedException": lambda _error: Refused(),
    "TransactionConflictException": lambda _error: TransactionConflict(),
    f"{DATA_LIMIT}Exception": lambda _error: PartitionFull(),
}
_TRANSACTION_OUTCOMES: Outcomes = {"TransactionCanceledException": _cancellation}
