"""Flatten nested values to one line per attribute, so that a diff names what has changed."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Leaf = tuple[str, str, str]
"""Path, type and text of a value; the text of numbers and booleans is empty."""


def of_dynamodb(row: Mapping[str, Any], path: str = "") -> Iterator[Leaf]:
    """Yield the leaves of a DynamoDB item in DynamoDB's own notation."""
    for name, value in row.items():
        yield from _attribute(value, f"{path}{name}")


def _attribute(value: Mapping[str, Any], path: str) -> Iterator[Leaf]:
    ((kind, content),) = value.items()
    match kind:
        case "M":
            yield from of_dynamodb(content, f"{path}.")
        case "L":
            for each in content:
                yield from _attribute(each, f"{path}[]")
        case _:
            yield path, kind, content if kind == "S" else ""


def of_json(value: Any, path: str = "") -> Iterator[Leaf]:
    """Yield the leaves of a JSON document."""
    match value:
        case dict():
            for name, each in value.items():
                yield from of_json(each, f"{path}.{name}" if path else name)
        case list() | tuple():
            for each in value:
                yield from of_json(each, f"{path}[]")
        case str():
            yield path, "string", str(value)
        case bool():
            yield path, "boolean", ""
        case int() | float():
            yield path, "number", ""
        case None:
            yield path, "null", ""
        case _:
            raise TypeError(f"JSON holds no {type(value).__name__}")


def merged(title: str, leaves: Iterable[Leaf]) -> list[str]:
    """Return one line for each path and type, with all texts that occur there."""
    texts: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path, kind, text in leaves:
        texts[path, kind] |= {text} if text else set()
    return [
        f"{title}  {path or '(all of it)'}  {kind}  {' | '.join(sorted(seen))}".rstrip()
        for (path, kind), seen in texts.items()
    ]


def text_of(lines: Iterable[str]) -> str:
    """Return the lines sorted and without duplicates."""
    return "".join(f"{line}\n" for line in sorted(set(lines)))


def compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def pretty(value: Any) -> str:
    """Return JSON with one member per line."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
