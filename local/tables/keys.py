"""Key attributes, and the bytes under which an item is stored."""

import zlib
from dataclasses import dataclass
from typing import Final

from local.tables import numbers
from local.tables.errors import ValidationException
from local.tables.values import AttributeValue, Item, kind_of

MAX_PARTITION_KEY_BYTES: Final = 2048  # bytes; "Constraints": keys
MAX_SORT_KEY_BYTES: Final = 1024
BUCKET_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """An attribute that is part of a key, and its type: `S` or `N`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The partition key and the sort key of a table or an index."""

    partition: KeyAttribute
    sort: KeyAttribute

    @property
    def attributes(self) -> tuple[KeyAttribute, KeyAttribute]:
        return (self.partition, self.sort)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The bytes of a primary key."""

    partition: bytes
    sort: bytes


def encode_partition(kind: str, value: AttributeValue) -> bytes:
    """Encode a partition key. It begins with a hash, so that scans return hash order, as DynamoDB's do."""
    raw = encode_sort(kind, value)
    return zlib.crc32(raw).to_bytes(BUCKET_BYTES, "big") + raw


def encode_sort(kind: str, value: AttributeValue) -> bytes:
    """Encode a sort key as bytes that sort like the values."""
    content: str = value[kind]
    return numbers.sortable(content) if kind == "N" else content.encode()


def key_of_item(schema: KeySchema, item: Item) -> StoredKey:
    """Return the primary key of a whole item. Raises ValidationException if it is missing or has the wrong type."""
    for attribute in schema.attributes:
        value = item.get(attribute.name)
        if value is None:
            raise ValidationException(
                f"One or more parameter values were invalid: Missing the key {attribute.name} in the item"
            )
        if attribute.kind not in value:
            raise ValidationException(
                f"One or more parameter values were invalid: Type mismatch for key {attribute.name} "
                f"expected: {attribute.kind} actual: {kind_of(value)}"
            )
    return _stored(schema, item)


def key_alone(schema: KeySchema, key: Item) -> StoredKey:
    """Return a primary key passed by itself. Raises ValidationException unless it has exactly the key's attributes."""
    if len(key) != len(schema.attributes) or any(
        attribute.kind not in key.get(attribute.name, {}) for attribute in schema.attributes
    ):
        raise ValidationException("The provided key element does not match the schema")
    return _stored(schema, key)


def key_attributes(schema: KeySchema, item: Item) -> Item:
    """Return only the key's attributes."""
    return {attribute.name: item[attribute.name] for attribute in schema.attributes}


def _stored(schema: KeySchema, item: Item) -> StoredKey:
    for attribute in schema.attributes:
        _refuse_empty(attribute, item[attribute.name])
    partition = encode_partition(schema.partition.kind, item[schema.partition.name])
    sort = encode_sort(schema.sort.kind, item[schema.sort.name])
    if len(partition) - BUCKET_BYTES > MAX_PARTITION_KEY_BYTES:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Size of hashkey has exceeded the maximum size limit of 2048 bytes"
        )
    if len(sort) > MAX_SORT_KEY_BYTES:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
    return StoredKey(partition, sort)


def _refuse_empty(attribute: KeyAttribute, value: AttributeValue) -> None:
    if value[attribute.kind] == "":
        raise ValidationException(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty string value. Key: {attribute.name}"
        )
