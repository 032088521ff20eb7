"""Store results with commit, time and size in results.json; print them as a table and in docs/BENCHMARKS.md."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import BY_NAME, FIGURES
from bench.machine import describe_machine

ROOT = Path(__file__).parents[1]
FILE = ROOT / "bench" / "results.json"
REPORT = ROOT / "docs" / "BENCHMARKS.md"


@dataclass(frozen=True, slots=True)
class Result:
    """`scale` is the measured part of the benchmark's full size; `note` is written by hand."""

    name: str
    value: float
    commit: str
    measured: str
    scale: float = 1.0
    note: str = ""

    @property
    def age_days(self) -> int:
        return (datetime.now(UTC) - datetime.fromisoformat(self.measured)).days


def new_result(name: str, value: float, scale: float) -> Result:
    """Return a result of now and the current commit; a trailing + marks uncommitted changes."""
    changed = "+" if _git("status", "--porcelain", "--untracked-files=no", ":!bench/results.json", ":!docs") else ""
    return Result(
        name, value, _git("rev-parse", "--short=8", "HEAD") + changed, f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", scale
    )


def _git(*words: str) -> str:
    """Return git's output; empty without git or a repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    return subprocess.run([git, *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def load(file: Path = FILE) -> list[Result]:
    return [Result(**each) for each in json.loads(file.read_text())] if file.exists() else []


def keep(new: Iterable[Result], file: Path = FILE) -> list[Result]:
    """Write the new results over those of the same figure and size; return all."""
    by_key = {(each.name, each.scale < 1): each for each in [*load(file), *new]}
    order = [figure.name for figure in FIGURES]
    results = sorted(by_key.values(), key=lambda each: (order.index(each.name), -each.scale))
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps([asdict(each) for each in results], indent=1) + "\n")
    partial.replace(file)
    return results


def current(results: Iterable[Result]) -> list[Result]:
    """Return the full-size results, and the smaller ones that are newer."""
    results = list(results)
    in_full = {each.name: each.measured for each in results if each.scale == 1}
    return [each for each in results if each.scale == 1 or each.measured > in_full.get(each.name, "")]


def table(results: Iterable[Result]) -> str:
    """Format the results for the terminal."""
    lines = [f"{'figure':24} {'value':>10} {'must':>9} {'goal':>9}  {'reached':7}  {'size':>5}  {'commit':9}  age"]
    for each in current(results):
        value, must, goal, reached = _judged(each)
        line = f"{each.name:24} {value:>10} {must:>9} {goal:>9}  {reached:7}"
        lines.append(f"{line}  {_size(each):>5}  {each.commit:9}  {each.age_days} d")
    return "\n".join(lines)


def report(results: Iterable[Result]) -> str:
    """Format the results for docs/BENCHMARKS.md."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; a group: `make bench GROUP=reads`; one of them: `make figure NAME=overhead_ms`.",
        "A size of 0.1 means: measured with a tenth of the items, bytes or rounds.",
        "The machine that measured last:",
        "",
        *describe_machine(),
        "",
        "| figure | value | must | goal | reached | size | commit | measured | what |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in current(results):
        what = "; ".join(filter(None, [BY_NAME[each.name].what, each.note]))
        cells = [each.name, *_judged(each), _size(each), each.commit, each.measured[:10], what]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _judged(result: Result) -> tuple[str, str, str, str]:
    figure = BY_NAME[result.name]
    sign = ">=" if figure.more_is_better else "<="
    return (
        f"{result.value:g}",
        f"{sign} {figure.must:g}",
        f"{sign} {figure.goal:g}",
        figure.verdict(result.value),
    )


def _size(result: Result) -> str:
    return "full" if result.scale == 1 else f"{result.scale:g}"
