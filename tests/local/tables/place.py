"""A separate table for one test, on one of the servers, with short methods to use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.servers import ACCESS_KEY_ID, SECRET_ACCESS_KEY

Plain = dict[str, Any]
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize
_numbers = count(1)

SPELLINGS = {
    "values": "ExpressionAttributeValues",
    "names": "ExpressionAttributeNames",
    "condition": "ConditionExpression",
}
KEY_TYPES = {"account": "S", "number": "N", "taken_at": "S", "digest": "S", "due_shard": "S", "due_at": "N"}


def wire(item: Plain) -> Plain:
    """Convert `{"a": 1}` to `{"a": {"N": "1"}}`."""
    return {name: _serialize(value) for name, value in item.items()}


def plain(item: Plain) -> Plain:
    """Convert `{"a": {"N": "1"}}` to `{"a": 1}`."""
    return {name: _deserialize(value) for name, value in item.items()}


def connect(endpoint: str) -> Any:
    """Return a client with short timeouts and without retries."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}, max_pool_connections=32),
    )


def key_schema(*names: str) -> list[dict[str, str]]:
    """Return the schema of a HASH key and a RANGE key."""
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)]


def definitions(*names: str) -> list[dict[str, str]]:
    """Return attribute definitions, with the types in `KEY_TYPES`."""
    return [{"AttributeName": name, "AttributeType": KEY_TYPES[name]} for name in names]


def photos(name: str) -> dict[str, Any]:
    """Return CreateTable's arguments: keys `account` and `number`, a local index and two sparse global indexes."""
    everything = {"ProjectionType": "ALL"}
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions(*KEY_TYPES),
        "KeySchema": key_schema("account", "number"),
        "LocalSecondaryIndexes": [
            {"IndexName": "by_taken", "KeySchema": key_schema("account", "taken_at"), "Projection": everything}
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by_digest",
                "KeySchema": key_schema("digest", "number"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {"IndexName": "by_due", "KeySchema": key_schema("due_shard", "due_at"), "Projection": everything},
        ],
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A client, and the name of a table that `photos` describes and only this test uses."""

    client: Any
    table: str

    def put(self, item: Plain, **more: Any) -> Plain:
        """Call PutItem with plain values."""
        return dict(self.client.put_item(TableName=self.table, Item=wire(item), **_values(more)))

    def get(self, number: int, account: str = "anna") -> Plain | None:
        """Call GetItem with a consistent read. Returns None if the item is absent."""
        results = self.client.get_item(TableName=self.table, Key=key(number, account), ConsistentRead=True)
        return plain(results["Item"]) if "Item" in results else None

    def update(self, number: int, expression: str, account: str = "anna", **more: Any) -> None:
        self.client.update_item(
            TableName=self.table, Key=key(number, account), UpdateExpression=expression, **_values(more)
        )

    def delete(self, number: int, account: str = "anna", **more: Any) -> Plain:
        return dict(self.client.delete_item(TableName=self.table, Key=key(number, account), **_values(more)))

    def query(self, condition: str, **more: Any) -> Plain:
        """Call Query; the response's items are plain."""
        response = self.client.query(TableName=self.table, KeyConditionExpression=condition, **_values(more))
        return {**response, "Items": [plain(item) for item in response.get("Items", [])]}

    def numbers(self, condition: str, **more: Any) -> list[int]:
        """Return the sort keys that a query returns, in its order."""
        return [int(item["number"]) for item in self.query(condition, **more)["Items"]]

    def scan(self, **more: Any) -> Plain:
        """Call Scan; the response's items are plain."""
        response = self.client.scan(TableName=self.table, **_values(more))
        return {**response, "Items": [plain(item) for item in response.get("Items", [])]}

    def holds(self, condition: str, number: int = 1, **more: Any) -> bool:
        """Return whether a condition holds for an item. Does not change the item."""
        try:
            self.update(number, "REMOVE nothing_at_all", condition=condition, **more)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def transact(self, *actions: Plain, **more: Any) -> Plain:
        """Call TransactWriteItems with actions such as `{"Put": {...}}`, to which the table's name is added."""
        named = [{kind: {"TableName": self.table, **action} for kind, action in each.items()} for each in actions]
        return dict(self.client.transact_write_items(TransactItems=named, **more))


def key(number: int, account: str = "anna") -> Plain:
    """Return a primary key in its wire form."""
    return wire({"account": account, "number": number})


def a_place(client: Any) -> Place:
    """Create a fresh table."""
    name = f"photos-{next(_numbers)}"
    client.create_table(**photos(name))
    return Place(client, name)


@contextmanager
def refused(code: str, message: str = "") -> Iterator[Plain]:
    """Require that the block fails with the error `code`; the yielded dictionary then contains the response."""
    response: Plain = {}
    with pytest.raises(ClientError) as caught:
        yield response
    response.update(caught.value.response)
    assert response["Error"]["Code"] == code, response["Error"]
    assert message in response["Error"]["Message"], response["Error"]


def _values(arguments: Plain) -> Plain:
    """Convert `values={":a": 1}`, `names={"#a": "a"}` and similar arguments to boto3's names; omit the empty ones."""
    spelled = {SPELLINGS.get(name, name): value for name, value in arguments.items() if value not in (None, {})}
    if "ExpressionAttributeValues" in spelled:
        spelled["ExpressionAttributeValues"] = wire(spelled["ExpressionAttributeValues"])
    return spelled
