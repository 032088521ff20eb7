"""Conversion between plain values and the typed attributes of DynamoDB."""

from collections.abc import Iterable, Mapping
from typing import Any


def encode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _encode(value) for name, value in row.items()}


def decode(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _decode(value) for name, value in row.items()}


def _encode(value: Any) -> dict[str, Any]:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case None:
            return {"NULL": True}
        case Mapping():
            return {"M": encode(value)}
        case Iterable():
            return {"L": [_encode(each) for each in value]}
        case _:
            raise TypeError(f"DynamoDB holds no {type(value).__name__}")


def _decode(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "NULL":
            return None
        case "M":
            return decode(content)
        case "L":
            return [_decode(each) for each in content]
        case _:
            raise TypeError(f"an attribute of DynamoDB's type {kind}, which we never write")
