"""Attribute values of the protocol: validation, canonical form and size."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from local.tables import numbers
from local.tables.errors import SerializationException, ValidationException

AttributeValue = dict[str, Any]
"""`{"S": "text"}` and so on in canonical form, with one spelling of a number, so that `==` means equality."""

Item = dict[str, AttributeValue]

MAX_NESTING = 32  # levels; "Constraints": naming rules and data types
CONTAINER_BYTES = 3
ELEMENT_BYTES = 1


def canonical_item(document: object) -> Item:
    """Return the item in canonical form. Raises SerializationException or ValidationException if it is not an item."""
    if not isinstance(document, dict):
        raise SerializationException("Expected a map of attributes")
    return {name: canonical(value) for name, value in document.items()}


def canonical(value: object, depth: int = 0) -> AttributeValue:
    """Return the value in canonical form. Raises SerializationException or ValidationException."""
    if not isinstance(value, dict):
        raise SerializationException("Expected a map with the type of the attribute")
    if len(value) > 1:
        raise ValidationException(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    for kind, content in value.items():
        if kind in SCALARS:
            return {kind: SCALARS[kind](content)}
        if kind in ("L", "M"):
            return {kind: _canonical_container(kind, content, depth + 1)}
    raise ValidationException("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def kind_of(value: AttributeValue) -> str:
    """Return `S`, `N`, `BOOL`, `NULL`, `M` or `L`."""
    return next(iter(value))


def item_bytes(item: Mapping[str, AttributeValue]) -> int:
    """Return the size that counts against the limits of items and pages: names and values."""
    return sum([_text_bytes(name) + value_bytes(value) for name, value in item.items()])


def value_bytes(value: AttributeValue) -> int:
    """Return the size of one value, as "DynamoDB item sizes and formats" defines it."""
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return _text_bytes(content)
        case "N":
            return _number_bytes(content)
        case "M":
            return CONTAINER_BYTES + item_bytes(content) + ELEMENT_BYTES * len(content)
        case "L":
            return CONTAINER_BYTES + sum([ELEMENT_BYTES + value_bytes(element) for element in content])
        case _:
            return 1


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number_bytes(text: str) -> int:
    # one byte per two significant digits, plus one
    return (len(text.strip("-0.").replace(".", "")) + 1) // 2 + 1


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise SerializationException(f"{_json_type(content)} cannot be converted to String")
    return content


def _number(content: object) -> str:
    return numbers.canonical(_text(content))


def _boolean(content: object) -> bool:
    if not isinstance(content, bool):
        raise SerializationException(f"{_json_type(content)} cannot be converted to Boolean")
    return content


def _null(content: object) -> bool:
    if content is not True:
        raise ValidationException(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    return True


SCALARS: Final[dict[str, Callable[[object], object]]] = {
    "S": _text,
    "N": _number,
    "BOOL": _boolean,
    "NULL": _null,
}


def _canonical_container(kind: str, content: object, depth: int) -> list[AttributeValue] | Item:
    if depth > MAX_NESTING:
        raise ValidationException("Nesting Levels have exceeded supported limits")
    if kind == "L":
        if not isinstance(content, list):
            raise SerializationException("Unexpected field type")
        return [canonical(element, depth) for element in content]
    if not isinstance(content, dict):
        raise SerializationException("Unexpected field type")
    return {name: canonical(element, depth) for name, element in content.items()}


def _json_type(content: object) -> str:
    match content:
        case bool():
            return "TRUE_VALUE" if content else "FALSE_VALUE"
        case int() | float():
            return "NUMBER_VALUE"
        case str():
            return "STRING_VALUE"
        case None:
            return "NULL_VALUE"
        case _:
            return "Start of structure or map found where not expected:"
