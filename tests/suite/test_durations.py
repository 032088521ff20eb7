"""A folder that exceeds its budget by more than a quarter, or has no budget, fails the check."""

import json
import time
import tomllib
from pathlib import Path

from tests.durations import (
    LAST_RUNS,
    CpuReading,
    Table,
    as_budgets,
    as_toml,
    folders_with_tests,
    outgrown,
    read_table,
    without_tests,
)
from tests.suite.small_run import run

TABLE: Table = {"test": {"items": 400, "albums": 100, "search": 2}}
SMALL: Table = {"test": {"items": 400, "albums": 20, "search": 20, "comments": 20}}
RUN = {"items": 400.0, "albums": 100.0, "search": 2.0}


def limit_of_other_cores(cores: float) -> str:
    """Return a conftest for a small run: other tests may run beside it."""
    return f"from tests import durations\ndurations.MAX_OTHER_CORES = {cores}\n"


def test_a_folder_may_exceed_its_budget_by_a_quarter_or_by_some_seconds() -> None:
    assert outgrown(TABLE, {"test": {**RUN, "albums": 125.0, "search": 11.0}}) == []


def test_a_small_folder_over_its_budget_by_more_than_some_seconds_is_reported() -> None:
    [line] = outgrown(SMALL, {"test": {"items": 400.0, "albums": 20.0, "search": 34.0, "comments": 10.0}})
    assert line.startswith("tests/search took 34 s")


def test_small_folders_that_grow_together_by_more_than_a_quarter_are_reported() -> None:
    [line] = outgrown(SMALL, {"test": {"items": 382.0, "albums": 27.0, "search": 27.0, "comments": 27.0}})
    assert line.startswith("All folders with a budget under 40 s took 81 s")
    assert outgrown(SMALL, {"test": {"items": 400.0, "albums": 29.0, "search": 20.0, "comments": 20.0}}) == []


def test_a_folder_over_its_budget_is_reported() -> None:
    [line] = outgrown(TABLE, {"test": {**RUN, "items": 360.0, "albums": 140.0}})
    assert line.startswith("tests/albums took 140 s in the tier test")


def test_a_slower_machine_exceeds_no_budget() -> None:
    slower = {folder: 3 * seconds for folder, seconds in RUN.items()}
    assert outgrown(TABLE, {"test": slower}) == []


def test_a_folder_that_grows_on_a_slower_machine_is_reported() -> None:
    slower = {folder: 3 * seconds for folder, seconds in RUN.items()}
    [line] = outgrown(TABLE, {"test": {**slower, "albums": 800.0}})
    assert line.startswith("tests/albums took 800 s")


def test_a_run_that_was_cut_short_exceeds_no_budget() -> None:
    assert outgrown(TABLE, {"test": {"items": 100.0, "albums": 100.0}}) == []


def test_a_folder_without_a_budget_is_reported() -> None:
    [line] = outgrown(TABLE, {"test": {**RUN, "comments": 1.0}})
    assert "tests/comments has no budget" in line


def test_a_tier_without_budgets_is_not_compared() -> None:
    assert outgrown(TABLE, {"full": {"drills": 300.0}}) == []


def test_a_budget_of_a_folder_without_tests_is_reported() -> None:
    assert without_tests(TABLE, {"items", "albums"}) == ["tests/search has a budget and no tests"]


def test_a_run_makes_the_budgets() -> None:
    assert as_budgets({"items": 30.2, "albums": 12.7, "shared": 0.1}) == {"items": 30, "albums": 13, "shared": 1}


def test_the_budget_file_round_trips() -> None:
    assert tomllib.loads(as_toml(TABLE)) == TABLE


def test_each_budget_is_of_a_folder_with_tests() -> None:
    assert without_tests(read_table(), folders_with_tests()) == []


def test_the_cores_of_other_programs_are_what_this_one_did_not_use() -> None:
    start = CpuReading(elapsed=100.0, machine=5000.0, own=20.0)
    assert start.other_cores_until(CpuReading(elapsed=110.0, machine=5018.0, own=33.0)) == 0.5
    assert start.other_cores_until(CpuReading(elapsed=110.0, machine=5013.0, own=33.1)) == 0


def test_a_reading_counts_the_cpu_of_this_process() -> None:
    start, clock = CpuReading.now(), time.process_time()
    while time.process_time() - clock < 0.3:
        pass
    later = CpuReading.now()
    assert later.own - start.own > 0.2  # both count in ticks, at moments of their own
    assert later.machine - start.machine > 0.2
    assert later.elapsed - start.elapsed > 0.2


def test_a_whole_run_records_its_seconds_by_folder(tmp_path: Path) -> None:
    files = {"items/test_items.py": "def test_plain(): pass\n", "conftest.py": limit_of_other_cores(1000)}
    assert run(tmp_path, files, "--tier", "test", plugins="tests.tiers tests.durations").status == 0
    assert json.loads((tmp_path / LAST_RUNS / "test.json").read_text()).keys() == {"items"}


def test_a_run_beside_other_programs_records_nothing(tmp_path: Path) -> None:
    files = {"items/test_items.py": "def test_plain(): pass\n", "conftest.py": limit_of_other_cores(-1)}
    done = run(tmp_path, files, "--tier", "test", plugins="tests.tiers tests.durations")
    assert done.status == 0
    assert "the machine was not at rest" in done.text
    assert not (tmp_path / LAST_RUNS).exists()


def test_a_run_with_a_failure_records_nothing(tmp_path: Path) -> None:
    files = {"items/test_items.py": "def test_wrong(): assert False\n"}
    assert run(tmp_path, files, "--tier", "test", plugins="tests.tiers tests.durations").status == 1
    assert not (tmp_path / LAST_RUNS).exists()
