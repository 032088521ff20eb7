"""JSON schemas as lines, without the names of the classes that produced them."""

from collections.abc import Iterator
from typing import Any


def members(schema: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each path in a document of this schema: the path and its allowed values."""
    yield from _at("", schema, schema.get("$defs", {}))


def _at(path: str, schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield from _at(path, definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _at(path, each, definitions)
    for name, each in schema.get("properties", {}).items():
        yield from _at(f"{path}.{name}" if path else name, each, definitions)
    for each in (schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(each, dict):
            yield from _at(f"{path}[]", each, definitions)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _at(f"{path}.*", schema["additionalProperties"], definitions)
    if schema.get("type") not in (None, "object", "array"):
        closed = f"  {' | '.join(map(str, sorted(schema['enum'])))}" if "enum" in schema else ""
        yield f"{path or '(all of it)'}  {schema.get('format', schema['type'])}{closed}"
