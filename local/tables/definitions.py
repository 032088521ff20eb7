"""Reads what CreateTable says, and says it again in a description."""

import re
from collections.abc import Mapping
from typing import Any, Final

from local.tables.errors import ValidationException
from local.tables.keys import KeyAttribute, KeySchema
from local.tables.requests import Parameters, array, choice, structure, text
from local.tables.schema import Index, Projection, Table

TABLE_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
KEY_KINDS: Final = ("S", "N", "B")
MOST_LOCAL_INDEXES: Final = 5  # "Quotas": secondary indexes per table
MOST_GLOBAL_INDEXES: Final = 20
KEPT: Final = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
"""The parameters of CreateTable that a table is made again from."""


def table_name(parameters: Parameters) -> str:
    """The TableName, which may be an ARN; raises ValidationException when it is no name."""
    name = text(parameters, "TableName").rpartition("/")[2]
    if not TABLE_NAME.fullmatch(name):
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length between 3 and 255"
        )
    return name


def read_table(parameters: Parameters, *, number: int, created_at: float) -> Table:
    """Raises ValidationException when the parameters make no table."""
    definitions = tuple(map(_definition, array(parameters, "AttributeDefinitions")))
    kinds = {attribute.name: attribute.kind for attribute in definitions}
    keys = _key_schema(array(parameters, "KeySchema"), kinds)
    indexes = _read_indexes(parameters, keys, kinds)
    used = {attribute.name for schema in (keys, *(index.keys for index in indexes)) for attribute in schema.attributes}
    if used != kinds.keys():
        raise ValidationException(
            "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{', '.join(sorted(kinds))}], keys used: [{', '.join(sorted(used))}]"
        )
    return Table(table_name(parameters), number, keys, indexes, created_at, definitions)


def describe(table: Table, *, item_count: int) -> dict[str, Any]:
    """The TableDescription."""
    description: dict[str, Any] = {
        "TableName": table.name,
        "TableStatus": "ACTIVE",
        "TableArn": table_arn(table.name),
        "TableId": f"00000000-0000-4000-8000-{table.number:012d}",
        "CreationDateTime": table.created_at,
        "AttributeDefinitions": [
            {"AttributeName": attribute.name, "AttributeType": attribute.kind} for attribute in table.definitions
        ],
        "KeySchema": _describe_keys(table.keys),
        "ItemCount": item_count,
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "ProvisionedThroughput": _no_throughput(),
        "DeletionProtectionEnabled": False,
    }
    for parameter, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        if described := [_describe_index(table, index) for index in table.indexes if index.is_global == is_global]:
            description[parameter] = described
    return description


def table_arn(name: str) -> str:
    """In an account and a region that are nobody's."""
    return f"arn:aws:dynamodb:us-east-1:000000000000:table/{name}"


def _definition(value: object) -> KeyAttribute:
    definition = structure(value)
    kind = text(definition, "AttributeType")
    if kind not in KEY_KINDS:
        raise ValidationException(
            f"1 validation error detected: Value '{kind}' at 'attributeDefinitions.member.attributeType' failed to "
            "satisfy constraint: Member must satisfy enum value set: [B, N, S]"
        )
    return KeyAttribute(text(definition, "AttributeName"), kind)


def _key_schema(elements: list[Any], kinds: Mapping[str, str]) -> KeySchema:
    members = [(text(structure(element), "KeyType"), text(element, "AttributeName")) for element in elements]
    if [kind for kind, _ in members] not in (["HASH"], ["HASH", "RANGE"]) or len({name for _, name in members}) != len(
        members
    ):
        raise ValidationException("Invalid KeySchema: one HASH key, and after it at most one RANGE key of another name")
    for _, name in members:
        if name not in kinds:
            raise ValidationException(
                "One or more parameter values were invalid: Some index key attributes are not defined in "
                f"AttributeDefinitions. Keys: [{name}], AttributeDefinitions: [{', '.join(sorted(kinds))}]"
            )
    attributes = [KeyAttribute(name, kinds[name]) for _, name in members]
    return KeySchema(attributes[0], attributes[1] if len(attributes) > 1 else None)


def _read_indexes(parameters: Parameters, table_keys: KeySchema, kinds: Mapping[str, str]) -> tuple[Index, ...]:
    indexes: list[Index] = []
    for parameter, is_global, most in (
        ("LocalSecondaryIndexes", False, MOST_LOCAL_INDEXES),
        ("GlobalSecondaryIndexes", True, MOST_GLOBAL_INDEXES),
    ):
        declared = array(parameters, parameter) if parameters.get(parameter) is not None else []
        if len(declared) > most:
            raise ValidationException(
                f"One or more parameter values were invalid: Number of {parameter} exceeds the limit of {most}"
            )
        for value in declared:
            indexes.append(_read_index(structure(value), len(indexes), is_global, table_keys, kinds))
    if len({index.name for index in indexes}) != len(indexes):
        raise ValidationException("One or more parameter values were invalid: Duplicate index name")
    return tuple(indexes)


def _read_index(
    parameters: Parameters, number: int, is_global: bool, table_keys: KeySchema, kinds: Mapping[str, str]
) -> Index:
    keys = _key_schema(array(parameters, "KeySchema"), kinds)
    if not is_global and (table_keys.sort is None or keys.sort is None or keys.partition != table_keys.partition):
        raise ValidationException(
            "One or more parameter values were invalid: A local secondary index needs the table's HASH key, a RANGE "
            "key of its own, and a table with a RANGE key"
        )
    return Index(text(parameters, "IndexName"), number, is_global, keys, _read_projection(parameters, keys, table_keys))


def _read_projection(parameters: Parameters, keys: KeySchema, table_keys: KeySchema) -> Projection:
    projection = structure(parameters.get("Projection", {}))
    kind = choice(projection, "ProjectionType", ("ALL", "KEYS_ONLY", "INCLUDE"))
    if kind == "ALL":
        return Projection(None)
    included = array(projection, "NonKeyAttributes") if kind == "INCLUDE" else []
    key_names = {attribute.name for schema in (keys, table_keys) for attribute in schema.attributes}
    return Projection(frozenset({*included, *key_names}))


def _describe_index(table: Table, index: Index) -> dict[str, Any]:
    description: dict[str, Any] = {
        "IndexName": index.name,
        "IndexArn": f"{table_arn(table.name)}/index/{index.name}",
        "KeySchema": _describe_keys(index.keys),
        "Projection": _describe_projection(table, index),
    }
    if index.is_global:
        description["IndexStatus"] = "ACTIVE"
        description["ProvisionedThroughput"] = _no_throughput()
    return description


def _describe_projection(table: Table, index: Index) -> dict[str, Any]:
    if index.projection.included is None:
        return {"ProjectionType": "ALL"}
    keys = {attribute.name for schema in (index.keys, table.keys) for attribute in schema.attributes}
    beside = sorted(index.projection.included - keys)
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": beside} if beside else {"ProjectionType": "KEYS_ONLY"}


def _describe_keys(keys: KeySchema) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": attribute.name, "KeyType": kind}
        for attribute, kind in zip(keys.attributes, kinds, strict=False)
    ]


def _no_throughput() -> dict[str, int]:
    return {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
