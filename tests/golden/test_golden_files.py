"""What is stored or sent matches the golden files; for a deliberate change see `write.py`."""

import json
from difflib import unified_diff

import pytest

from app.exports.schema import ExportRow
from app.items.schema.row import ItemRow
from tests.golden.full_values import full
from tests.golden.golden_files import FOLDER, SOURCES, actual
from tests.golden.rows import read_export, read_item


@pytest.mark.parametrize("name", sorted(SOURCES))
async def test_what_is_stored_or_sent_has_not_changed(name: str) -> None:
    written, made = (FOLDER / name).read_text().splitlines(), (await actual(name)).splitlines()
    changes = "\n".join(unified_diff(written, made, name, "the present code", n=1, lineterm=""))
    assert not changes, (
        f"if the change is deliberate, run python -m tests.golden.write and give the reason in the commit\n{changes}"
    )


def test_a_stored_item_is_read_with_every_attribute() -> None:
    assert read_item(json.loads((FOLDER / "item_row.json").read_text())) == full(ItemRow)


def test_a_stored_export_is_read_with_every_attribute() -> None:
    assert read_export(json.loads((FOLDER / "export_row.json").read_text())) == full(ExportRow)
