"""A folder that outgrows its budget by a quarter, or has none, fails the check."""

import tomllib

from tests.durations import Table, as_toml, outgrown, with_measured

TABLE: Table = {"test": {"items": {"budget_seconds": 40, "measured_seconds": 50}}}


def test_a_quarter_more_than_the_budget_is_allowed() -> None:
    assert outgrown(TABLE, {"items"}) == []


def test_a_folder_that_outgrew_its_budget_is_named() -> None:
    [line] = outgrown(with_measured(TABLE, "test", {"items": 51.0}), {"items"})
    assert "tests/items takes 51 s in the tier test, its budget is 40 s" in line


def test_a_folder_without_a_budget_is_named() -> None:
    [line] = outgrown(TABLE, {"items", "albums"})
    assert "tests/albums has no budget" in line


def test_measuring_keeps_the_budgets_and_gives_new_folders_one() -> None:
    table = with_measured(TABLE, "test", {"items": 30.2, "albums": 12.7})
    assert table["test"]["items"] == {"budget_seconds": 40, "measured_seconds": 30}
    assert table["test"]["albums"] == {"budget_seconds": 13, "measured_seconds": 13}


def test_the_file_is_read_as_it_was_written() -> None:
    assert tomllib.loads(as_toml(TABLE)) == TABLE
