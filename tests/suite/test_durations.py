"""A folder that exceeds its budget by more than a quarter, or has no budget, fails the check."""

import tomllib

from tests.durations import Table, as_toml, outgrown, with_measured

TABLE: Table = {"test": {"items": {"budget_seconds": 40, "measured_seconds": 50}}}


def test_a_folder_may_exceed_its_budget_by_a_quarter() -> None:
    assert outgrown(TABLE, {"items"}) == []


def test_a_folder_over_its_budget_is_reported() -> None:
    [line] = outgrown(with_measured(TABLE, "test", {"items": 51.0}), {"items"})
    assert "tests/items takes 51 s in the tier test, its budget is 40 s" in line


def test_a_folder_without_a_budget_is_reported() -> None:
    [line] = outgrown(TABLE, {"items", "albums"})
    assert "tests/albums has no budget" in line


def test_measuring_preserves_budgets_and_adds_one_for_each_new_folder() -> None:
    table = with_measured(TABLE, "test", {"items": 30.2, "albums": 12.7})
    assert table["test"]["items"] == {"budget_seconds": 40, "measured_seconds": 30}
    assert table["test"]["albums"] == {"budget_seconds": 13, "measured_seconds": 13}


def test_the_budget_file_round_trips() -> None:
    assert tomllib.loads(as_toml(TABLE)) == TABLE
