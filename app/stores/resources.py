"""Every table, queue, topic and bucket, declared once: `local/` creates them, `python -m app resources` prints them.

The names here are those in the code; at AWS a configured prefix takes the place of `darkroom-`.
"""

from dataclasses import dataclass
from typing import Any

PREFIX = "darkroom-"
ITEMS_TABLE = "darkroom-items"
EVENTS_TABLE = "darkroom-events"
RECEIPTS_TABLE = "darkroom-receipts"
REQUESTS_TABLE = "darkroom-requests"
EXPORTS_TABLE = "darkroom-exports"

BY_CAPTURED = "by_captured"
BY_DIGEST = "by_digest"
BY_DUE = "by_due"
BEHIND = "behind"
SHARDS = 16
"""Partitions of the sparse indexes `by_due` and `behind`, so that writes do not all go to one partition."""

EXPRESS_QUEUE = "darkroom-express"
BULK_QUEUE = "darkroom-bulk"
EXPORTS_QUEUE = "darkroom-exports"
NUDGES_QUEUE = "darkroom-nudges"
DEAD_LETTERS_QUEUE = "darkroom-dead-letters"
COMPLETIONS_TOPIC = "darkroom-completions"

WORK_VISIBILITY_SECONDS = 60
"""How long a received work message stays hidden; the heartbeat renews it at a quarter of that time."""
MAX_RECEIVES = 20
"""A safety net: SQS's redrive comes after the limit of lost attempts on the item."""
RETENTION_SECONDS = 14 * 24 * 3600
"""SQS keeps a message at most 14 days (service limit)."""


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """The names of tables, queues and topics in one AWS account, where several installations may share it."""

    prefix: str = PREFIX

    def __call__(self, name: str) -> str:
        return self.prefix + name.removeprefix(PREFIX)


DEFAULT_NAMES = ResourceNames()


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table. The default projection has all attributes."""

    name: str
    partition_key: str
    sort_key: str
    projection: str = "ALL"


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table. Keys are strings, except those in `numbers`; `time_to_live` names the attribute of expiry."""

    name: str
    partition_key: str
    sort_key: str
    numbers: frozenset[str] = frozenset()
    local_indexes: tuple[Index, ...] = ()
    global_indexes: tuple[Index, ...] = ()
    time_to_live: str | None = None

    def create_arguments(self) -> dict[str, Any]:
        """Return the arguments of DynamoDB's CreateTable."""
        indexed = {self.partition_key, self.sort_key}
        for index in self.local_indexes + self.global_indexes:
            indexed |= {index.partition_key, index.sort_key}
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": _key_schema(self.partition_key, self.sort_key),
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": "N" if name in self.numbers else "S"}
                for name in sorted(indexed)
            ],
        }
        for kind, indexes in (("Local", self.local_indexes), ("Global", self.global_indexes)):
            if indexes:
                arguments[f"{kind}SecondaryIndexes"] = [
                    {
                        "IndexName": index.name,
                        "KeySchema": _key_schema(index.partition_key, index.sort_key),
                        "Projection": {"ProjectionType": index.projection},
                    }
                    for index in indexes
                ]
        return arguments


@dataclass(frozen=True, slots=True)
class Queue:
    """`max_receives`: deliveries before a message moves to `dead_letter`."""

    name: str
    visibility_seconds: int
    dead_letter: str | None = None
    max_receives: int | None = None

    def description(self) -> dict[str, Any]:
        """Return the attributes under SQS's names; the dead-letter queue is added when its ARN is known."""
        attributes = {
            "VisibilityTimeout": str(self.visibility_seconds),
            "MessageRetentionPeriod": str(RETENTION_SECONDS),
        }
        return {
            "name": self.name,
            "attributes": attributes,
            "dead_letter": self.dead_letter,
            "max_receives": self.max_receives,
        }


def _key_schema(partition_key: str, sort_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition_key, "KeyType": "HASH"},
        {"AttributeName": sort_key, "KeyType": "RANGE"},
    ]


TABLES = (
    Table(
        ITEMS_TABLE,
        "account_id",
        "item_id",
        local_indexes=(Index(BY_CAPTURED, "account_id", "captured_key"),),
        global_indexes=(
            Index(BY_DIGEST, "digest_key", "item_id", "KEYS_ONLY"),
            Index(BY_DUE, "due_shard", "due_at", "KEYS_ONLY"),
        ),
    ),
    Table(
        EVENTS_TABLE,
        "account_id",
        "number",
        numbers=frozenset({"number"}),
        global_indexes=(Index(BEHIND, "behind_shard", "behind_since", "KEYS_ONLY"),),
        time_to_live="expires_at",
    ),
    Table(RECEIPTS_TABLE, "item_id", "step_key"),
    Table(REQUESTS_TABLE, "account_id", "request_key", time_to_live="expires_at"),
    Table(
        EXPORTS_TABLE,
        "account_id",
        "export_id",
        global_indexes=(Index(BY_DUE, "due_shard", "due_at", "KEYS_ONLY"),),
    ),
)

QUEUES = (
    Queue(DEAD_LETTERS_QUEUE, visibility_seconds=30),
    Queue(EXPRESS_QUEUE, WORK_VISIBILITY_SECONDS, DEAD_LETTERS_QUEUE, MAX_RECEIVES),
    Queue(BULK_QUEUE, WORK_VISIBILITY_SECONDS, DEAD_LETTERS_QUEUE, MAX_RECEIVES),
    Queue(EXPORTS_QUEUE, WORK_VISIBILITY_SECONDS, DEAD_LETTERS_QUEUE, MAX_RECEIVES),
    Queue(NUDGES_QUEUE, visibility_seconds=30),
)

UPLOAD_CORS = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["PUT", "GET", "HEAD"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "x-amz-checksum-sha256"],
    "MaxAgeSeconds": 3000,
}
"""Any origin is allowed: the signature in the presigned URL is what authorizes a request."""


def shard_of(key: str) -> str:
    """Return the partition of a sparse index for this id, equal in every process."""
    return f"{sum(key.encode()) % SHARDS:02d}"


def as_json(bucket: str = "darkroom", prefix: str = PREFIX) -> dict[str, Any]:
    """Return all resources, as `python -m app resources` prints them for deployment; bucket and prefix are settings."""
    named = ResourceNames(prefix)
    return {
        "tables": [table.create_arguments() | {"TableName": named(table.name)} for table in TABLES],
        "time_to_live": {named(table.name): table.time_to_live for table in TABLES if table.time_to_live},
        "queues": [_named_queue(queue, named) for queue in QUEUES],
        "topics": [named(COMPLETIONS_TOPIC)],
        "buckets": [{"name": bucket, "cors": [UPLOAD_CORS]}],
    }


def _named_queue(queue: Queue, named: ResourceNames) -> dict[str, Any]:
    dead_letter = named(queue.dead_letter) if queue.dead_letter else None
    return queue.description() | {"name": named(queue.name), "dead_letter": dead_letter}
