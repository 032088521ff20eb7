"""Time budgets of each folder's tests, by tier: recorded in a run, stored in `durations.toml`, and checked.

`python -m tests.durations check` fails if a folder of the last run has no budget or exceeds it; without a run it only
compares the file with the folders and with the tiers' limits. `python -m tests.durations keep` makes the last runs'
seconds the budgets.
"""

import json
import os
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass
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

OTHER_SLOWNESS = 1.25
"""How much slower than its CPU explains a machine may be: it may have slower disks, too. If the other folders are even
slower than that, the tests themselves became slower, and a folder's limit does not rise any more.
"""
PROCESS_SECONDS = {Tier.TEST: 3 * 8 * 60, Tier.FULL: 2 * (35 - 8) * 60}
"""What the budgets of a tier may add up to: the seconds of its processes in its time limit, both as in the Makefile. A
run cannot reach that: 602 s of tests took 219 s in 3 processes, which were busy for 92 % of it.
"""
LIMIT_MILLISECONDS = 100
"""What `fixed_work` takes on the machine to which the tiers' times apply. It took 60 to 150 ms on those used so far."""

Table = dict[str, dict[str, int]]
"""By tier and folder: the seconds of its tests, run one after the other. `MACHINE`: by tier, milliseconds."""
MACHINE = "machine"

HEADER = """\
# Seconds of each folder's tests, one after the other; a folder counts what the tier adds to the smaller ones. After a
# whole run at rest `make check` fails for a folder that exceeds its budget by a quarter and by 10 s, and if all small
# folders together exceed theirs by a quarter. It compares at the speed of all other folders in that run, as far as the
# machine's CPU explains it: [machine] has the milliseconds that a fixed computation took where a tier was measured.
# `make durations` makes the last runs' times the budgets.
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


@dataclass(frozen=True, slots=True)
class Run:
    """The seconds of a run by folder, and the milliseconds of `fixed_work` before it."""

    seconds: dict[str, float]
    work_milliseconds: float

    def slowdown(self, table: Table, tier: str) -> float:
        """Return how much slower this machine's CPU is than that of the tier's budgets; 1 if theirs is unknown."""
        return self.work_milliseconds / table.get(MACHINE, {}).get(tier, self.work_milliseconds)


def fixed_work() -> float:
    """Return the milliseconds of CPU of a fixed computation: the least of some tries, undisturbed by other programs."""
    tries = []
    for _ in range(10):
        start = time.process_time()
        sum(number * number % 7 for number in range(1_500_000))
        tries.append(1000 * (time.process_time() - start))
    return min(tries)


class Stopwatch:
    """Adds up the seconds of a run by folder, in the process that prints the results."""

    def __init__(self, config: pytest.Config) -> None:
        self._tier, self._beyond = config.option.tier, config.option.beyond
        self._last_runs = config.rootpath / LAST_RUNS
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._work_milliseconds = fixed_work()
        self._start = CpuReading.now()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[folder_of(report.nodeid)] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode) -> None:
        terminalreporter.section("seconds by folder", sep="-")
        for folder, seconds in sorted(self._seconds.items(), key=lambda pair: -pair[1]):
            terminalreporter.write_line(f"{seconds:7.1f}  {folder}")
        if exitstatus != pytest.ExitCode.OK:
            return  # the times of an interrupted run or of failures are not a measurement
        cores = self._start.other_cores_until(CpuReading.now())
        terminalreporter.write_line(f"Other programs used {cores:.2f} cores.")
        if cores > MAX_OTHER_CORES:
            terminalreporter.write_line("The seconds are not compared with the budgets: the machine was not at rest.")
            return
        self._last_runs.mkdir(exist_ok=True)
        run = Run(dict(self._seconds), self._work_milliseconds)
        _file(self._last_runs, self._tier, self._beyond).write_text(json.dumps(asdict(run), indent=1))
        lines = outgrown_runs(read_table(), last_runs(self._last_runs))
        if lines:
            terminalreporter.section("budgets (the next `make check` fails)", sep="-")
            terminalreporter.write_line("\n".join(lines))


def pytest_configure(config: pytest.Config) -> None:
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly
    selected = config.option.keyword or config.option.markexpr or config.getoption("lf", default=False)
    if whole and not selected and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stopwatch(config), "darkroom-stopwatch")


def outgrown_runs(table: Table, runs: Mapping[str, Run]) -> list[str]:
    """As `outgrown`, with the speed of the machine of each run."""
    slowdowns = {tier: run.slowdown(table, tier) for tier, run in runs.items()}
    return outgrown(table, {tier: run.seconds for tier, run in runs.items()}, slowdowns)


def outgrown(
    table: Table, runs: Mapping[str, Mapping[str, float]], slowdowns: Mapping[str, float] | None = None
) -> list[str]:
    """Return a line for each folder of a run whose budget is missing or exceeded.

    `slowdowns`: by tier, how much slower the run's machine is than that of the budgets; 1 for the others.
    """
    lines = []
    for tier, seconds in runs.items():
        if budgets := table.get(tier):
            lines += _outgrown(tier, budgets, seconds, (slowdowns or {}).get(tier, 1.0))
    return lines


def _outgrown(tier: str, budgets: dict[str, int], seconds: Mapping[str, float], slowdown: float) -> list[str]:
    lines = []
    for folder, took in sorted(seconds.items()):
        if folder not in budgets:
            lines.append(f"tests/{folder} has no budget in tests/durations.toml (tier {tier})")
        elif took > (limit := _limit(budgets[folder]) * _pace(budgets, seconds, {folder}, slowdown)):
            lines.append(f"tests/{folder} took {took:.0f} s in the tier {tier}, at most {limit:.0f} s are expected")
    small = {folder for folder in budgets.keys() & seconds.keys() if budgets[folder] < SMALL_SECONDS}
    took = sum(seconds[folder] for folder in small)
    limit = _limit(sum(budgets[folder] for folder in small)) * _pace(budgets, seconds, small, slowdown)
    if took > limit:
        lines.append(
            f"All folders with a budget under {SMALL_SECONDS:.0f} s took {took:.0f} s in the tier {tier}, at most"
            f" {limit:.0f} s are expected"
        )
    return lines


def _limit(budget: int) -> float:
    return max(budget * GROWTH, budget + TOLERANCE_SECONDS)


def _pace(budgets: dict[str, int], seconds: Mapping[str, float], judged: Set[str], slowdown: float) -> float:
    """Return how much slower than their budgets all folders but the `judged` ones were, as far as the machine is the
    cause: their own growth must not raise their limit, nor the growth of all.

    At least the CPU's slowdown, which a folder that computes has even if the others wait most of the time. At least 1:
    the run may have been cut short, and a faster CPU shortens no waits.
    """
    slowdown = max(1.0, slowdown)
    compared = (budgets.keys() & seconds.keys()) - judged
    measured = sum(seconds[folder] for folder in compared) / max(1, sum(budgets[folder] for folder in compared))
    return max(slowdown, min(measured, slowdown * OTHER_SLOWNESS))


def over_limit(table: Table) -> list[str]:
    """Return a line for each tier whose budgets do not fit into its time, even if its processes never wait."""
    speeds = {
        tier: LIMIT_MILLISECONDS / table.get(MACHINE, {}).get(tier, LIMIT_MILLISECONDS) for tier in PROCESS_SECONDS
    }
    sums = {tier: round(speeds[tier] * sum(table.get(tier, {}).values())) for tier in PROCESS_SECONDS}
    return [
        f"The budgets of the tier {tier} add up to {sums[tier]} s; its processes have {seconds} s"
        for tier, seconds in PROCESS_SECONDS.items()
        if sums[tier] > seconds
    ]


def without_tests(table: Table, folders: set[str]) -> list[str]:
    """Return a line for each budget of a folder that has no tests any more."""
    budgeted = {folder for tier in TIERS for folder in table.get(tier, {})}
    return [f"tests/{folder} has a budget and no tests" for folder in sorted(budgeted - folders)]


def as_budgets(seconds: dict[str, float]) -> dict[str, int]:
    return {folder: max(1, round(took)) for folder, took in seconds.items()}


def as_toml(table: Table) -> str:
    parts = [HEADER]
    for name in (name for name in (MACHINE, *TIERS) if name in table):
        parts += [f"\n[{name}]\n"]
        parts += [f'"{key}" = {number}\n' for key, number in sorted(table[name].items())]
    return "".join(parts)


def read_table() -> Table:
    return tomllib.loads(BUDGETS.read_text())


def folders_with_tests() -> set[str]:
    root = Path(__file__).parent
    return {folder_of(f"tests/{file.relative_to(root)}") for file in root.rglob("test_*.py")}


def last_runs(folder: Path) -> dict[str, Run]:
    """Return by tier the last run of the tests that the tier adds to the smaller ones."""
    runs = {}
    for tier in TIERS:
        file = _file(folder, tier, TIERS[TIERS.index(tier) - 1] if tier is not Tier.TEST else None)
        if file.exists():
            runs[tier.value] = Run(**json.loads(file.read_text()))
    return runs


def _file(folder: Path, tier: str, beyond: str | None) -> Path:
    return folder / (f"run-{tier}.json" if beyond is None else f"run-{tier}-beyond-{beyond}.json")


def updated_budgets(table: Table, runs: Mapping[str, Run]) -> Table:
    """Return the table with the seconds of the runs as the budgets of their tiers."""
    machine = {tier: round(run.work_milliseconds) for tier, run in runs.items()}
    budgets = {tier: as_budgets(run.seconds) for tier, run in runs.items()}
    return {**table, **budgets, MACHINE: {**table.get(MACHINE, {}), **machine}}


def main(command: str) -> int:
    table, runs = read_table(), last_runs(Path(__file__).parents[1] / LAST_RUNS)
    if command == "keep":
        BUDGETS.write_text(as_toml(updated_budgets(table, runs)))
        return 0
    return _report([*without_tests(table, folders_with_tests()), *over_limit(table), *outgrown_runs(table, runs)])


def _report(lines: Iterable[str]) -> int:
    lines = [f"{line}\n" for line in lines]
    sys.stderr.writelines(lines)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
