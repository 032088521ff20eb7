"""The declared AWS tables, queues, topics and buckets, and the object keys in S3."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from app.exports import schema as export_row
from app.items.schema import keys as item_keys
from app.media import recipe
from app.stores.resources import as_json
from tests.golden.code import functions_returning
from tests.golden.flat import compact, of_json, text_of
from tests.golden.full_values import arguments


def resources() -> str:
    return text_of(_lines(as_json()))


def _lines(declared: dict[str, Any]) -> Iterator[str]:
    for table in declared["tables"]:
        name = table["TableName"]
        yield f"table {name}  key  {_key(table)}"
        for attribute in table["AttributeDefinitions"]:
            yield f"table {name}  attribute {attribute['AttributeName']}  {attribute['AttributeType']}"
        for kind in ("Local", "Global"):
            for index in table.get(f"{kind}SecondaryIndexes", []):
                projection = compact(index["Projection"])
                yield f"table {name}  {kind.lower()} index {index['IndexName']}  {_key(index)}  {projection}"
    for kind, values in declared.items():
        if kind == "tables":
            continue
        yield from (f"{kind}  {compact(each)}" for each in (values if isinstance(values, list) else [values]))


def _key(keyed: dict[str, Any]) -> str:
    return ", ".join(f"{part['AttributeName']} {part['KeyType']}" for part in keyed["KeySchema"])


def object_keys() -> str:
    """Return every text that the object key modules produce, and the recipe that is part of it."""
    lines = [text for module in (item_keys, export_row) for text in _texts(module)]
    recipes = [f"recipe {recipe.recipe_hash()}", *(f"file {each.file}" for each in recipe.RECIPE)]
    return text_of([*lines, *recipes])


def _texts(module: ModuleType) -> Iterator[str]:
    for kind in (str, tuple):
        for function in functions_returning(kind, module):
            made = function(**arguments(function))
            yield from (text for _, _, text in of_json(made if isinstance(made, str) else list(made)))
