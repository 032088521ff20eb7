"""Conversion between dataclasses and rows of DynamoDB: attribute names, times, enums."""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from app.stores.dynamo import Row
from darkroom_shared.times import from_rfc3339, to_rfc3339

T = TypeVar("T")


class _Part(NamedTuple):
    name: str
    read: Callable[[Any], Any]
    required: bool


def to_attributes(value: Any) -> Row:
    """Return every field of a dataclass; nested ones become maps, tuples become lists, None stays None."""
    kind: Any = type(value)
    return {part.name: _written(getattr(value, part.name)) for part in _parts(kind)}


def from_attributes(kind: type[T], attributes: Row) -> T:
    """Return the value that `to_attributes` converted to these attributes.

    An absent attribute takes the field's default; an unknown one is ignored. Raises TypeError or ValueError for
    attributes that no release has written.
    """
    declared: Any = kind
    values: dict[str, Any] = {}
    for part in _parts(declared):
        stored = attributes.get(part.name)
        if stored is not None:
            values[part.name] = part.read(stored)
        elif part.required and part.name in attributes:
            values[part.name] = None
    return kind(**values)


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    return to_attributes(value) if is_dataclass(value) else value


@cache
def _parts(kind: Any) -> tuple[_Part, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Part(
            each.name,
            _reader(hints[each.name]),
            each.default is MISSING and each.default_factory is MISSING,
        )
        for each in fields(kind)
    )


def _reader(declared: Any) -> Callable[[Any], Any]:
    kinds = [each for each in get_args(declared) if each not in (type(None), Ellipsis)]
    if get_origin(declared) is tuple:
        read = _reader(kinds[0])
        return lambda stored: tuple(read(each) for each in stored)
    if kinds:  # `kind | None`
        return _reader(kinds[0])
    if declared is datetime:
        return from_rfc3339
    if isinstance(declared, type):
        if is_dataclass(declared):
            return partial(from_attributes, declared)
        if issubclass(declared, Enum):
            return declared
    return _unchanged


def _unchanged(stored: Any) -> Any:
    return stored
