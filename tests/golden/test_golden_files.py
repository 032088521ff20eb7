"""What is stored or sent stays as it is written down; see `write.py` for a change that is meant."""

import json

import pytest

from app.exports.row import ExportRow
from app.items.row import ItemRow
from tests.golden.full_values import full
from tests.golden.golden_files import FOLDER, SOURCES, actual
from tests.golden.rows import read_export, read_item

DELIBERATE = "after a deliberate change: python -m tests.golden.write"


@pytest.mark.parametrize("name", sorted(SOURCES))
async def test_what_is_stored_or_sent_has_not_changed(name: str) -> None:
    expected = (FOLDER / name).read_text()
    assert await actual(name) == expected, DELIBERATE


def test_a_stored_item_is_read_with_every_attribute() -> None:
    assert read_item(json.loads((FOLDER / "item_row.json").read_text())) == full(ItemRow)


def test_a_stored_export_is_read_with_every_attribute() -> None:
    assert read_export(json.loads((FOLDER / "export_row.json").read_text())) == full(ExportRow)
