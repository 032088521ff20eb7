"""A folder that exceeds its budget by more than a quarter, or has no budget, fails the check."""

import json
import re
import time
import tomllib
from pathlib import Path

import pytest

from tests.durations import (
    LAST_RUNS,
    MACHINE,
    PROCESS_SECONDS,
    SMALL_SECONDS,
    CpuReading,
    Run,
    Table,
    as_budgets,
    as_toml,
    fixed_work,
    folders_with_tests,
    outgrown,
    outgrown_runs,
    over_limit,
    read_table,
    updated_budgets,
    without_tests,
)
from tests.suite.small_run import run
from tests.tiers import Tier

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


def times(factor: float, seconds: dict[str, float] = RUN) -> dict[str, float]:
    return {folder: factor * each for folder, each in seconds.items()}


@pytest.mark.parametrize("tier", [Tier.TEST, Tier.FULL])
def test_each_folder_that_outgrows_its_budget_by_more_than_a_quarter_is_reported(tier: Tier) -> None:
    budgets = read_table()[tier]
    for folder in (folder for folder, budget in budgets.items() if budget >= SMALL_SECONDS):
        lines = outgrown(read_table(), {tier: {**budgets, folder: 1.26 * budgets[folder]}})
        assert [line.split()[0] for line in lines] == [f"tests/{folder}"]


def test_a_slower_machine_exceeds_no_budget() -> None:
    assert outgrown(TABLE, {"test": times(3)}, {"test": 3.0}) == []


def test_a_machine_with_a_slower_disk_exceeds_no_budget() -> None:
    assert outgrown(TABLE, {"test": times(1.5)}) == []


def test_folders_that_compute_may_be_slower_than_those_that_wait() -> None:
    assert outgrown(TABLE, {"test": {"items": 1200.0, "albums": 100.0, "search": 2.0}}, {"test": 3.0}) == []


def test_folders_that_all_became_slower_on_an_equal_machine_are_reported() -> None:
    lines = outgrown(TABLE, {"test": times(2)})
    assert [line.split()[0] for line in lines] == ["tests/albums", "tests/items"]


def test_a_folder_that_grows_on_a_slower_machine_is_reported() -> None:
    [line] = outgrown(TABLE, {"test": {**times(3), "albums": 800.0}}, {"test": 3.0})
    assert line.startswith("tests/albums took 800 s")


def test_the_speed_of_the_machine_is_compared_with_that_of_the_budgets() -> None:
    table = {**TABLE, MACHINE: {"test": 50}}
    assert outgrown_runs(table, {"test": Run(times(3), 150.0)}) == []
    assert len(outgrown_runs(table, {"test": Run(times(3), 50.0)})) == 2
    assert len(outgrown_runs(TABLE, {"test": Run(times(3), 150.0)})) == 2, "the speed of the budgets is unknown"


def test_the_fixed_work_takes_equally_long_each_time() -> None:
    first, second = fixed_work(), fixed_work()
    assert first == pytest.approx(second, rel=0.5)


def test_budgets_that_do_not_fit_into_their_tiers_time_are_reported() -> None:
    assert over_limit(read_table()) == []
    [line] = over_limit({"test": {"items": 1400, "albums": 41}, "full": {"drills": 3240}})
    assert line == "The budgets of the tier test add up to 1441 s; its processes have 1440 s"
    assert over_limit({"test": {"items": 2880}, MACHINE: {"test": 200}}) == []
    assert len(over_limit({"test": {"items": 800}, MACHINE: {"test": 50}})) == 1


def test_the_tiers_times_are_those_of_the_makefile() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    minutes = {
        tier: int(number) for tier, number in re.findall(r"^(test\S*): ##.*\((\d+) minutes\)$", makefile, re.MULTILINE)
    }
    [processes] = re.findall(r"^PROCESSES := (\d+)$", makefile, re.MULTILINE)
    [processes_of_full] = re.findall(r'PROCESSES=(\d+) SELECTION="--tier full"', makefile)
    added = minutes["test-full"] - minutes["test"]
    seconds = {"test": minutes["test"] * int(processes) * 60, "full": added * int(processes_of_full) * 60}
    assert seconds == PROCESS_SECONDS


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
    full = {"full": {"drills": 9}, MACHINE: {"test": 50, "full": 70}}
    table = updated_budgets({**TABLE, **full}, {"test": Run({"items": 30.2}, 60.4)})
    assert table == {"test": {"items": 30}, "full": {"drills": 9}, MACHINE: {"test": 60, "full": 70}}


def test_the_budget_file_round_trips() -> None:
    table = {**TABLE, MACHINE: {"test": 50}}
    assert tomllib.loads(as_toml(table)) == table


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
    recorded = Run(**json.loads((tmp_path / LAST_RUNS / "run-test.json").read_text()))
    assert recorded.seconds.keys() == {"items"}
    assert recorded.work_milliseconds > 1


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
