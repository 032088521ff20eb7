"""All golden files and the function that produces the text of each."""

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.golden import messages, receipt_steps, redis_keys, relational, resources, rows, stored_rows, wire

Source = Callable[[], str] | Callable[[], Awaitable[str]]

FOLDER = Path(__file__).with_name("files")
SOURCES: dict[str, Source] = {
    "cached_values.txt": redis_keys.cached_values,
    "event_types.txt": wire.event_types,
    "export_row.json": rows.export_row,
    "item_row.json": rows.item_row,
    "messages.txt": messages.messages,
    "object_keys.txt": resources.object_keys,
    "openapi.json": wire.openapi,
    "problems.txt": wire.problems,
    "receipt_steps.txt": receipt_steps.receipt_steps,
    "redis_keys.txt": redis_keys.redis_keys,
    "resources.txt": resources.resources,
    "signed_texts.txt": wire.signed_texts,
    "stored_attributes.txt": stored_rows.stored_attributes,
    "tables_declared.txt": relational.declared,
    "tables_migrated.txt": relational.migrated,
}


async def actual(name: str) -> str:
    """Return what the current code stores or sends."""
    text = SOURCES[name]()
    return await text if inspect.isawaitable(text) else text
