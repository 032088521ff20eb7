"""Turns a KeyConditionExpression into the range of an index that it means."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from local.tables.conditions import Values
from local.tables.errors import ValidationException
from local.tables.keys import KeyAttribute, KeySchema, encode_partition, encode_sort
from local.tables.syntax import Attribute, BeginsWith, Between, Comparison, Condition, Every, Operand, Value
from local.tables.values import AttributeValue, kind_of

UNSUPPORTED: Final = "Query key condition not supported"
MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Limit:
    """One end of a range of sort keys."""

    value: bytes
    inclusive: bool


@dataclass(frozen=True, slots=True)
class KeyRange:
    """One partition, and the sort keys between two ends; an end that is None is open."""

    partition: bytes
    low: Limit | None
    high: Limit | None

    @property
    def only(self) -> bytes | None:
        """The one sort key in the range, if there is one."""
        if self.low is None or self.low != self.high or not self.low.inclusive:
            return None
        return self.low.value

    def contains(self, sort: bytes) -> bool:
        """True when the sort key lies between the ends."""
        low, high = self.low, self.high
        above = low is None or sort > low.value or (low.inclusive and sort == low.value)
        return above and (high is None or sort < high.value or (high.inclusive and sort == high.value))


def key_range(condition: Condition, keys: KeySchema, values: Values) -> KeyRange:
    """Raises ValidationException unless it is an equality of the partition key and at most one test of the sort key."""
    tests: dict[str, Condition] = {}
    for term in _terms(condition):
        name = _attribute_of(term)
        if name in tests:
            raise ValidationException("KeyConditionExpressions must only contain one condition per key")
        tests[name] = term
    partition = tests.pop(keys.partition.name, None)
    if partition is None:
        raise ValidationException(f"Query condition missed key schema element: {keys.partition.name}")
    low, high = (None, None)
    if tests:
        if keys.sort is None or keys.sort.name not in tests:
            expected = keys.partition.name if keys.sort is None else keys.sort.name
            raise ValidationException(f"Query condition missed key schema element: {expected}")
        low, high = _ends(tests.pop(keys.sort.name), keys.sort, values)
    if tests:
        raise ValidationException("Conditions can be of length 1 or 2 only")
    return KeyRange(_partition(partition, keys.partition, values), low, high)


def _terms(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, Every):
        for term in condition.terms:
            yield from _terms(term)
    else:
        yield condition


def _attribute_of(term: Condition) -> str:
    match term:
        case Comparison(_, Attribute((str(name),)), Value(_)) | Comparison(_, Value(_), Attribute((str(name),))):
            return name
        case Between(Attribute((str(name),)), Value(_), Value(_)) | BeginsWith(Attribute((str(name),)), Value(_)):
            return name
        case _:
            raise ValidationException(f"Invalid KeyConditionExpression: {UNSUPPORTED}")


def _partition(term: Condition, attribute: KeyAttribute, values: Values) -> bytes:
    match term:
        case Comparison("=", Attribute(_), Value(name)) | Comparison("=", Value(name), Attribute(_)):
            return encode_partition(attribute.kind, _typed(values[name], attribute))
        case _:
            raise ValidationException(UNSUPPORTED)


def _ends(term: Condition, attribute: KeyAttribute, values: Values) -> tuple[Limit | None, Limit | None]:
    def encoded(operand: Operand) -> bytes:
        if not isinstance(operand, Value):
            raise ValidationException(UNSUPPORTED)
        return encode_sort(attribute.kind, _typed(values[operand.name], attribute))

    match term:
        case Comparison(comparator, Attribute(_), operand):
            return _compared(comparator, encoded(operand))
        case Comparison(comparator, operand, Attribute(_)):
            return _compared(MIRRORED.get(comparator, comparator), encoded(operand))
        case Between(_, low, high):
            return Limit(encoded(low), inclusive=True), Limit(encoded(high), inclusive=True)
        case BeginsWith(_, prefix):
            if attribute.kind == "N":
                raise ValidationException(UNSUPPORTED)
            start = encoded(prefix)
            return Limit(start, inclusive=True), _end_of_prefix(start)
        case _:
            raise ValidationException(UNSUPPORTED)


def _compared(comparator: str, value: bytes) -> tuple[Limit | None, Limit | None]:
    match comparator:
        case "=":
            return Limit(value, inclusive=True), Limit(value, inclusive=True)
        case "<" | "<=":
            return None, Limit(value, inclusive=comparator == "<=")
        case ">" | ">=":
            return Limit(value, inclusive=comparator == ">="), None
        case _:
            raise ValidationException(UNSUPPORTED)


def _end_of_prefix(prefix: bytes) -> Limit | None:
    """The first bytes after all that begin so; None when nothing comes after."""
    shortened = prefix.rstrip(b"\xff")
    return Limit(shortened[:-1] + bytes([shortened[-1] + 1]), inclusive=False) if shortened else None


def _typed(value: AttributeValue, attribute: KeyAttribute) -> AttributeValue:
    if attribute.kind not in value:
        raise ValidationException(
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
        )
    if kind_of(value) != "N" and not value[attribute.kind]:
        raise ValidationException(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty {'string' if attribute.kind == 'S' else 'binary'} value. Key: {attribute.name}"
        )
    return value
