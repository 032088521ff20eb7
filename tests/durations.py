"""Time budgets of each folder's tests, by tier: recorded in a run, stored in `durations.toml`, and checked.

`python -m tests.durations check` fails for a folder without a budget or a quarter above it; `python -m
tests.durations keep` writes the last run's seconds into the file.
"""

import json
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tiers import TIERS, Tier, folder_of

BUDGETS = Path(__file__).with_name("durations.toml")
LAST_RUNS = Path(__file__).parents[1] / ".durations"
GROWTH = 1.25
"""A folder may exceed its budget by a quarter, because machines differ by as much."""

Table = dict[str, dict[str, dict[str, int]]]
"""By tier and folder: `budget_seconds` and `measured_seconds` of its tests, run one after the other."""

HEADER = """\
# Seconds of each folder's tests, one after the other, on 2 cores at rest. `make check` fails when a folder has outgrown
# its budget by a quarter; `make durations` after a run puts its times here. A folder counts what the tier adds to the
# smaller ones.
"""


class Stopwatch:
    """Adds up the seconds of a run by folder, in the process that prints the results."""

    def __init__(self, config: pytest.Config) -> None:
        self._tier, self._beyond = config.option.tier, config.option.beyond
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[folder_of(report.nodeid)] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seconds by folder", sep="-")
        for folder, seconds in sorted(self._seconds.items(), key=lambda pair: -pair[1]):
            terminalreporter.write_line(f"{seconds:7.1f}  {folder}")
        LAST_RUNS.mkdir(exist_ok=True)
        name = self._tier if self._beyond is None else f"{self._tier}-beyond-{self._beyond}"
        (LAST_RUNS / f"{name}.json").write_text(json.dumps(self._seconds, indent=1))


def pytest_configure(config: pytest.Config) -> None:
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly
    if whole and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stopwatch(config), "darkroom-stopwatch")


def outgrown(table: Table, folders: set[str]) -> list[str]:
    """Return a line for each folder whose budget is missing or exceeded."""
    budgeted = {folder for tier in table.values() for folder in tier}
    lines = [f"tests/{folder} has no budget in tests/durations.toml" for folder in sorted(folders - budgeted)]
    for tier, entries in table.items():
        for folder, entry in sorted(entries.items()):
            measured, budget = entry["measured_seconds"], entry["budget_seconds"]
            if measured > budget * GROWTH:
                lines.append(f"tests/{folder} takes {measured} s in the tier {tier}, its budget is {budget} s")
    return lines


def with_measured(table: Table, tier: str, seconds: dict[str, float]) -> Table:
    """Return the table with a run's seconds, which are also the budget of a new folder."""
    old = table.get(tier, {})
    new = {}
    for folder, took in seconds.items():
        measured = max(1, round(took))
        new[folder] = {
            "budget_seconds": old.get(folder, {}).get("budget_seconds", measured),
            "measured_seconds": measured,
        }
    return {**table, tier: new}


def as_toml(table: Table) -> str:
    parts = [HEADER]
    for tier in (tier for tier in TIERS if tier in table):
        parts += [f"\n[{tier}]\n"]
        for folder, entry in sorted(table[tier].items()):
            values = ", ".join(f"{name} = {value}" for name, value in entry.items())
            parts.append(f'"{folder}" = {{ {values} }}\n')
    return "".join(parts)


def read_table() -> Table:
    table: Table = tomllib.loads(BUDGETS.read_text())
    return table


def folders_with_tests() -> set[str]:
    root = Path(__file__).parent
    return {folder_of(f"tests/{file.relative_to(root)}") for file in root.rglob("test_*.py")}


def last_seconds(tier: Tier) -> dict[str, float] | None:
    """Return the seconds of the tests that the tier adds to the smaller ones; None if there was no such run."""
    smaller = TIERS[TIERS.index(tier) - 1] if TIERS.index(tier) else None
    file = LAST_RUNS / (f"{tier}-beyond-{smaller}.json" if smaller else f"{tier}.json")
    seconds: dict[str, float] | None = json.loads(file.read_text()) if file.exists() else None
    return seconds


def main(command: str) -> int:
    table = read_table()
    if command == "keep":
        for tier in TIERS:
            seconds = last_seconds(tier)
            if seconds is not None:
                table = with_measured(table, tier, seconds)
        BUDGETS.write_text(as_toml(table))
        return 0
    lines = outgrown(table, folders_with_tests())
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
