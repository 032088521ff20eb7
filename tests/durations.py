"""Time budgets of each folder's tests, by tier: recorded in a run, stored in `durations.toml`, and checked.

`python -m tests.durations check` fails if a folder of the last run has no budget or exceeds it; without a run it only
compares the file with the folders. `python -m tests.durations keep` makes the last runs' seconds the budgets.
"""

import json
import os
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.tiers import TIERS, Tier, folder_of

BUDGETS = Path(__file__).with_name("durations.toml")
LAST_RUNS = ".durations"
"""The folder with the seconds of the last runs, below that of the project."""
GROWTH = 1.25
"""A folder may exceed its budget by a quarter."""
TOLERANCE_SECONDS = 10
"""What a folder may exceed its budget by if a quarter is less: small folders vary by more. All small folders together
may exceed their budgets by a quarter only.
"""
SMALL_SECONDS = TOLERANCE_SECONDS / (GROWTH - 1)
MAX_OTHER_CORES = 0.5
"""The CPU that other programs may use during a run. Beside more, its times are no measurement: tests that start many
processes become slower than others. Includes our own processes whose parent ended first: 0.26 in the tier test.
"""

Table = dict[str, dict[str, int]]
"""By tier and folder: the seconds of its tests, run one after the other."""

HEADER = """\
# Seconds of each folder's tests, one after the other; a folder counts what the tier adds to the smaller ones. After a
# whole run at rest `make check` fails for a folder that has outgrown its budget by a quarter, compared at the run's own
# speed: a slower machine is slower in all folders. `make durations` makes the last runs' times the budgets.
"""


@dataclass(frozen=True, slots=True)
class CpuReading:
    """Seconds since some moment: elapsed, of CPU that all programs used, and that this process and its children did."""

    elapsed: float
    machine: float
    own: float

    @classmethod
    def now(cls) -> Self:
        user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = (
            int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:9]
        )
        machine = (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")
        return cls(time.monotonic(), machine, sum(os.times()[:4]))

    def other_cores_until(self, later: Self) -> float:
        """Return how many cores other programs used on average."""
        seconds = (later.machine - self.machine) - (later.own - self.own)
        return max(0.0, seconds) / max(later.elapsed - self.elapsed, 0.001)


class Stopwatch:
    """Adds up the seconds of a run by folder, in the process that prints the results."""

    def __init__(self, config: pytest.Config) -> None:
        self._tier, self._beyond = config.option.tier, config.option.beyond
        self._last_runs = config.rootpath / LAST_RUNS
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._start = CpuReading.now()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[folder_of(report.nodeid)] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode) -> None:
        terminalreporter.section("seconds by folder", sep="-")
        for folder, seconds in sorted(self._seconds.items(), key=lambda pair: -pair[1]):
            terminalreporter.write_line(f"{seconds:7.1f}  {folder}")
        if exitstatus != pytest.ExitCode.OK:
            return  # the times of an interrupted run or of failures are no measurement
        cores = self._start.other_cores_until(CpuReading.now())
        terminalreporter.write_line(f"Other programs used {cores:.2f} cores.")
        if cores > MAX_OTHER_CORES:
            terminalreporter.write_line("The seconds are not compared with the budgets: the machine was not at rest.")
            return
        self._last_runs.mkdir(exist_ok=True)
        name = self._tier if self._beyond is None else f"{self._tier}-beyond-{self._beyond}"
        (self._last_runs / f"{name}.json").write_text(json.dumps(self._seconds, indent=1))
        lines = outgrown(read_table(), last_runs(self._last_runs))
        if lines:
            terminalreporter.section("budgets (the next `make check` fails)", sep="-")
            terminalreporter.write_line("\n".join(lines))


def pytest_configure(config: pytest.Config) -> None:
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly
    selected = config.option.keyword or config.option.markexpr or config.getoption("lf", default=False)
    if whole and not selected and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stopwatch(config), "darkroom-stopwatch")


def outgrown(table: Table, runs: dict[str, dict[str, float]]) -> list[str]:
    """Return a line for each folder of a run whose budget is missing or exceeded."""
    lines = []
    for tier, seconds in runs.items():
        budgets = table.get(tier)
        if not budgets:
            continue
        pace = _pace(budgets, seconds)
        for folder, took in sorted(seconds.items()):
            if folder not in budgets:
                lines.append(f"tests/{folder} has no budget in tests/durations.toml (tier {tier})")
            elif took > (limit := _limit(budgets[folder]) * pace):
                lines.append(f"tests/{folder} took {took:.0f} s in the tier {tier}, at most {limit:.0f} s are expected")
        small = {folder for folder in budgets.keys() & seconds.keys() if budgets[folder] < SMALL_SECONDS}
        took = sum(seconds[folder] for folder in small)
        if took > (limit := _limit(sum(budgets[folder] for folder in small)) * pace):
            lines.append(
                f"All folders with a budget under {SMALL_SECONDS:.0f} s took {took:.0f} s in the tier {tier}, at most"
                f" {limit:.0f} s are expected"
            )
    return lines


def _limit(budget: int) -> float:
    return max(budget * GROWTH, budget + TOLERANCE_SECONDS)


def _pace(budgets: dict[str, int], seconds: dict[str, float]) -> float:
    """Return how much slower than the budgets the whole run was: at least 1, because it may have been cut short."""
    both = budgets.keys() & seconds.keys()
    return max(1.0, sum(seconds[folder] for folder in both) / max(1, sum(budgets[folder] for folder in both)))


def without_tests(table: Table, folders: set[str]) -> list[str]:
    """Return a line for each budget of a folder that has no tests any more."""
    budgeted = {folder for budgets in table.values() for folder in budgets}
    return [f"tests/{folder} has a budget and no tests" for folder in sorted(budgeted - folders)]


def as_budgets(seconds: dict[str, float]) -> dict[str, int]:
    return {folder: max(1, round(took)) for folder, took in seconds.items()}


def as_toml(table: Table) -> str:
    parts = [HEADER]
    for tier in (tier for tier in TIERS if tier in table):
        parts += [f"\n[{tier}]\n"]
        parts += [f'"{folder}" = {seconds}\n' for folder, seconds in sorted(table[tier].items())]
    return "".join(parts)


def read_table() -> Table:
    return tomllib.loads(BUDGETS.read_text())


def folders_with_tests() -> set[str]:
    root = Path(__file__).parent
    return {folder_of(f"tests/{file.relative_to(root)}") for file in root.rglob("test_*.py")}


def last_runs(folder: Path) -> dict[str, dict[str, float]]:
    """Return by tier the seconds of the last run of the tests that the tier adds to the smaller ones."""
    runs = {}
    for tier in TIERS:
        smaller = TIERS[TIERS.index(tier) - 1] if tier is not Tier.TEST else None
        file = folder / (f"{tier}-beyond-{smaller}.json" if smaller else f"{tier}.json")
        if file.exists():
            runs[tier.value] = json.loads(file.read_text())
    return runs


def main(command: str) -> int:
    table, runs = read_table(), last_runs(Path(__file__).parents[1] / LAST_RUNS)
    if command == "keep":
        BUDGETS.write_text(as_toml({**table, **{tier: as_budgets(seconds) for tier, seconds in runs.items()}}))
        return 0
    return _report([*without_tests(table, folders_with_tests()), *outgrown(table, runs)])


def _report(lines: Iterable[str]) -> int:
    lines = [f"{line}\n" for line in lines]
    sys.stderr.writelines(lines)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
