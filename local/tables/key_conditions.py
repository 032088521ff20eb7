"""Convert a KeyConditionExpression to a range of an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from local.tables.conditions import Values
from local.tables.errors import ValidationException
from local.tables.keys import KeyAttribute, KeySchema, encode_partition, encode_sort
from local.tables.syntax import And, Comparison, Condition
from local.tables.values import AttributeValue, kind_of

UNSUPPORTED: Final = "Query key condition not supported"


@dataclass(frozen=True, slots=True)
class Limit:
    """One end of a range of sort keys."""

    value: bytes
    inclusive: bool


@dataclass(frozen=True, slots=True)
class KeyRange:
    """One partition, and the sort keys between two ends; an end of None is open."""

    partition: bytes
    low: Limit | None
    high: Limit | None

    @property
    def only(self) -> bytes | None:
        """The range's only sort key, or None if it can contain several."""
        return None if self.low is None or self.low != self.high else self.low.value

    def contains(self, sort: bytes) -> bool:
        """Return True if the sort key is between the ends."""
        low, high = self.low, self.high
        above = low is None or sort > low.value or (low.inclusive and sort == low.value)
        return above and (high is None or sort < high.value or (high.inclusive and sort == high.value))


def key_range(condition: Condition, keys: KeySchema, values: Values) -> KeyRange:
    """Return the range of a condition.

    Raises ValidationException unless it is an equality of the partition key and at most one test of the sort key.
    """
    tests: dict[str, Comparison] = {}
    for test in _tests(condition):
        if test.attribute in tests:
            raise ValidationException("KeyConditionExpressions must only contain one condition per key")
        tests[test.attribute] = test
    partition = tests.pop(keys.partition.name, None)
    if partition is None:
        raise ValidationException(f"Query condition missed key schema element: {keys.partition.name}")
    if partition.comparator != "=":
        raise ValidationException(UNSUPPORTED)
    sort = tests.pop(keys.sort.name, None)
    if tests:
        raise ValidationException(f"Query condition missed key schema element: {keys.sort.name}")
    low, high = (None, None) if sort is None else _ends(sort, keys.sort, values)
    value = _typed(values[partition.value], keys.partition)
    return KeyRange(encode_partition(keys.partition.kind, value), low, high)


def _tests(condition: Condition) -> Iterator[Comparison]:
    match condition:
        case And(terms):
            for term in terms:
                yield from _tests(term)
        case Comparison():
            yield condition
        case _:
            raise ValidationException(f"Invalid KeyConditionExpression: {UNSUPPORTED}")


def _ends(test: Comparison, attribute: KeyAttribute, values: Values) -> tuple[Limit | None, Limit | None]:
    value = encode_sort(attribute.kind, _typed(values[test.value], attribute))
    limit = Limit(value, inclusive=test.comparator in ("=", "<=", ">="))
    return None if test.comparator in ("<", "<=") else limit, None if test.comparator in (">", ">=") else limit


def _typed(value: AttributeValue, attribute: KeyAttribute) -> AttributeValue:
    if attribute.kind not in value:
        raise ValidationException(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
        )
    if kind_of(value) != "N" and not value[attribute.kind]:
        raise ValidationException(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty string value. Key: {attribute.name}"
        )
    return value
