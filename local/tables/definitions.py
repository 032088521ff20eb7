"""Parse the parameters of CreateTable: every table and index of ours has a partition key and a sort key."""

import re
from collections.abc import Mapping
from typing import Any, Final

from local.tables.errors import ValidationException
from local.tables.keys import KeyAttribute, KeySchema
from local.tables.requests import Parameters, array, choice, structure, text
from local.tables.schema import Index, Table

TABLE_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
KEY_KINDS: Final = ("S", "N")
STORED_PARAMETERS: Final = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "GlobalSecondaryIndexes")
"""The parameters of CreateTable that are stored to rebuild a table."""


def table_name(parameters: Parameters) -> str:
    """Return TableName. Raises ValidationException if it is not a valid name."""
    name = text(parameters, "TableName")
    if not TABLE_NAME.fullmatch(name):
        raise ValidationException(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length between 3 and 255"
        )
    return name


def read_table(parameters: Parameters, *, number: int) -> Table:
    """Build a table. Raises ValidationException if the parameters are invalid."""
    definitions = map(_definition, array(parameters, "AttributeDefinitions"))
    kinds = {attribute.name: attribute.kind for attribute in definitions}
    keys = _key_schema(array(parameters, "KeySchema"), kinds)
    indexes = _read_indexes(parameters, keys, kinds)
    used = {attribute.name for schema in (keys, *(index.keys for index in indexes)) for attribute in schema.attributes}
    if used != kinds.keys():
        raise ValidationException(
            "One or more parameter values were invalid: Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{', '.join(sorted(kinds))}], keys used: [{', '.join(sorted(used))}]"
        )
    return Table(table_name(parameters), number, keys, indexes)


def _definition(value: object) -> KeyAttribute:
    definition = structure(value)
    return KeyAttribute(text(definition, "AttributeName"), choice(definition, "AttributeType", KEY_KINDS))


def _key_schema(elements: list[Any], kinds: Mapping[str, str]) -> KeySchema:
    members = [(text(structure(element), "KeyType"), text(element, "AttributeName")) for element in elements]
    if [kind for kind, _ in members] != ["HASH", "RANGE"] or len({name for _, name in members}) != len(members):
        raise ValidationException("Invalid KeySchema: one HASH key, and after it one RANGE key of another name")
    for _, name in members:
        if name not in kinds:
            raise ValidationException(
                "One or more parameter values were invalid: Some index key attributes are not defined in "
                f"AttributeDefinitions. Keys: [{name}], AttributeDefinitions: [{', '.join(sorted(kinds))}]"
            )
    partition, sort = (KeyAttribute(name, kinds[name]) for _, name in members)
    return KeySchema(partition, sort)


def _read_indexes(parameters: Parameters, table_keys: KeySchema, kinds: Mapping[str, str]) -> tuple[Index, ...]:
    indexes: list[Index] = []
    for parameter, is_global in (("LocalSecondaryIndexes", False), ("GlobalSecondaryIndexes", True)):
        declared = array(parameters, parameter) if parameters.get(parameter) is not None else []
        for value in declared:
            indexes.append(_read_index(structure(value), len(indexes), is_global, table_keys, kinds))
    if len({index.name for index in indexes}) != len(indexes):
        raise ValidationException("One or more parameter values were invalid: Duplicate index name")
    return tuple(indexes)


def _read_index(
    parameters: Parameters, number: int, is_global: bool, table_keys: KeySchema, kinds: Mapping[str, str]
) -> Index:
    keys = _key_schema(array(parameters, "KeySchema"), kinds)
    if not is_global and keys.partition != table_keys.partition:
        raise ValidationException(
            "One or more parameter values were invalid: A local secondary index needs the table's HASH key"
        )
    projection = structure(parameters.get("Projection", {}))
    carries_all = choice(projection, "ProjectionType", ("ALL", "KEYS_ONLY")) == "ALL"
    key_names = frozenset(attribute.name for schema in (keys, table_keys) for attribute in schema.attributes)
    return Index(text(parameters, "IndexName"), number, is_global, keys, None if carries_all else key_names)
