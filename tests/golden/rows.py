"""A full row of each kind that is stored as attributes, in DynamoDB's own notation."""

from typing import Any

from app.exports import schema as export_rows
from app.exports.schema import ExportRow
from app.exports.store import row_action as export_action
from app.items.schema import row as item_rows
from app.items.schema.row import ItemRow
from app.items.store import row_action as item_action
from app.stores.dynamo_values import decode
from tests.golden.flat import pretty
from tests.golden.full_values import full


def item_row() -> str:
    return pretty(item_action(full(ItemRow)).arguments["Item"])


def export_row() -> str:
    return pretty(export_action(full(ExportRow)).arguments["Item"])


def read_item(stored: dict[str, Any]) -> ItemRow:
    return item_rows.from_attributes(decode(stored))


def read_export(stored: dict[str, Any]) -> ExportRow:
    return export_rows.from_attributes(decode(stored))
