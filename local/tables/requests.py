"""Read the parameters of a request from its JSON body."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from local.tables.errors import SerializationException, ValidationException

Parameters = Mapping[str, Any]
Kind = TypeVar("Kind")


def decode(body: bytes) -> Parameters:
    """Decode the body. Raises SerializationException if it is not a JSON object of valid strings."""
    try:
        document = json.loads(body)
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode()  # a lone surrogate is not valid text
    except (ValueError, RecursionError):
        raise SerializationException("The request body is not valid JSON") from None
    if not isinstance(document, dict):
        raise SerializationException("Start of structure or map expected")
    return document


def refuse_unknown(parameters: Parameters, known: frozenset[str]) -> None:
    """Raises ValidationException for a parameter that Darkroom never sends, because ignoring it could be wrong."""
    if unknown := sorted(name for name, value in parameters.items() if value is not None and name not in known):
        raise ValidationException(f"Not supported here: {', '.join(unknown)}")


def text(parameters: Parameters, name: str) -> str:
    """Return a required string."""
    value = optional_text(parameters, name)
    if value is None:
        raise missing(name)
    return value


def optional_text(parameters: Parameters, name: str) -> str | None:
    """Return a string; None if the parameter is absent."""
    return _typed(parameters, name, str)


def boolean(parameters: Parameters, name: str, default: bool) -> bool:
    """Return a boolean; the default if the parameter is absent."""
    value = _typed(parameters, name, bool)
    return default if value is None else value


def positive(parameters: Parameters, name: str) -> int | None:
    """Return an integer of at least 1; None if the parameter is absent."""
    value = _typed(parameters, name, int)
    if isinstance(value, bool):
        raise SerializationException(f"{name}: a number was expected")
    if value is not None and value < 1:
        raise constraint(name, value, "Member must have value greater than or equal to 1")
    return value


def mapping(parameters: Parameters, name: str) -> dict[str, Any]:
    """Return a required map."""
    value = optional_mapping(parameters, name)
    if value is None:
        raise missing(name)
    return value


def optional_mapping(parameters: Parameters, name: str) -> dict[str, Any] | None:
    """Return a map; None if the parameter is absent."""
    return _typed(parameters, name, dict)


def array(parameters: Parameters, name: str) -> list[Any]:
    """Return a required list."""
    value = _typed(parameters, name, list)
    if value is None:
        raise missing(name)
    return value


def choice(parameters: Parameters, name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed strings; the first if the parameter is absent."""
    value = optional_text(parameters, name)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise constraint(name, value, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    return value


def structure(value: object) -> dict[str, Any]:
    """Return a list's element, which must be a map."""
    if not isinstance(value, dict):
        raise SerializationException("Start of structure or map expected")
    return value


def missing(name: str) -> ValidationException:
    """Return the error for a required parameter that is absent."""
    return constraint(name, "null", "Member must not be null", quoted=False)


def constraint(name: str, value: object, rule: str, *, quoted: bool = True) -> ValidationException:
    """Return DynamoDB's error for a parameter out of its limits."""
    text = f"'{value}'" if quoted else value
    member = name[:1].lower() + name[1:]
    return ValidationException(
        f"1 validation error detected: Value {text} at '{member}' failed to satisfy constraint: {rule}"
    )


def _typed(parameters: Parameters, name: str, kind: type[Kind]) -> Kind | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, kind):
        raise SerializationException(f"{name}: unexpected JSON type {type(value).__name__}")
    return value
