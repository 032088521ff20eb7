"""Run the benchmarks one after another: `python -m bench.run [FIGURE] [--group GROUP] [--scale 0.1] [--show]`.

A benchmark is a module here with a tuple `FIGURES`; it prints a line `figure NAME VALUE` for each. Each result is
stored as soon as it exists. A stopped run resumes with the missing figures; a complete one starts again.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from bench.figures import BY_NAME, GROUPS
from bench.results import REPORT, ROOT, keep, load, new_result, report, table
from bench.scale import VARIABLE

HERE = Path(__file__).parent
RUNS = ROOT / "build" / "bench"
"""One file for each unfinished run: the names of its measured figures."""
LIMIT_SECONDS = 3 * 3600
"""Only against hanging: twenty runs of the cache's chaos may take ten minutes each."""
NO_BENCHMARKS = {"figures", "results"}


@dataclass(frozen=True, slots=True)
class Benchmark:
    module: str
    figures: tuple[str, ...]
    scales: bool
    """Whether it can measure a part of its full size."""


def main(arguments: list[str]) -> int:
    chosen = _parser().parse_args(arguments)
    if chosen.show:
        print(table(load()))
        return 0
    benchmarks = find_benchmarks()
    requested = [each for each in benchmarks if chosen.figure in (None, *each.figures) and _is_in(each, chosen.group)]
    if not requested:
        known = ", ".join(sorted(name for each in benchmarks for name in each.figures))
        sys.stderr.write(f"No benchmark prints the figure {chosen.figure!r}. There are: {known}\n")
        return 2
    run = RUNS / f"{chosen.figure or chosen.group or 'all'}-{chosen.scale:g}.json"
    return _measure(requested, run, chosen.scale)


def find_benchmarks() -> list[Benchmark]:
    """Return the benchmarks, read from the modules' source: importing a module may start processes."""
    texts = {path.stem: path.read_text() for path in sorted(HERE.glob("*.py")) if path.stem not in NO_BENCHMARKS}
    return [
        Benchmark(module, tuple(ast.literal_eval(statement.value)), "scaled(" in text)
        for module, text in texts.items()
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign) and _names_figures(statement.targets)
    ]


def missing(requested: list[Benchmark], run: Path) -> list[Benchmark]:
    """Return the benchmarks that the run has not measured yet."""
    measured = json.loads(run.read_text()) if run.exists() else []
    return [each for each in requested if not set(each.figures) <= set(measured)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("figure", nargs="?", help="measure only this one")
    parser.add_argument("--group", choices=GROUPS, help="measure only these")
    parser.add_argument("--scale", type=_scale, default=1.0, help="the fraction of the full size, for example 0.1")
    parser.add_argument("--show", action="store_true", help="measure nothing, print the stored figures")
    return parser


def _scale(text: str) -> float:
    scale = float(text)
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError("expected more than 0 and at most 1")
    return scale


def _names_figures(targets: list[ast.expr]) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "FIGURES" for target in targets)


def _is_in(benchmark: Benchmark, group: str | None) -> bool:
    return group is None or any(BY_NAME[name] in GROUPS[group] for name in benchmark.figures)


def _measure(requested: list[Benchmark], run: Path, scale: float) -> int:
    left = missing(requested, run)
    if len(left) < len(requested):
        print(f"Continuing the stopped run; remove {run.relative_to(ROOT)} to start over.")
    run.parent.mkdir(parents=True, exist_ok=True)
    for benchmark in left:
        values = _run(benchmark.module, scale)
        known = {name: value for name, value in values.items() if name in benchmark.figures}
        results = keep(new_result(name, value, scale if benchmark.scales else 1.0) for name, value in known.items())
        REPORT.write_text(report(results))
        measured = json.loads(run.read_text()) if run.exists() else []
        run.write_text(json.dumps([*measured, *known]))
    failed = [name for each in missing(requested, run) for name in each.figures]
    if not failed:
        run.unlink()
    print(f"\n{table(load())}")
    for name in failed:
        sys.stderr.write(f"The benchmark of {name} did not print it.\n")
    return 1 if failed else 0


def _run(module: str, scale: float) -> dict[str, float]:
    """Run a benchmark, copy its output to the terminal, and return the figures that it prints."""
    print(f"== {module}", flush=True)
    values = {}
    command = [sys.executable, "-u", "-m", f"{HERE.name}.{module}"]
    environment = os.environ | {VARIABLE: f"{scale:g}"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, text=True) as process:  # noqa: S603 - our own
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            match line.split():
                case ["figure", name, value]:
                    values[name] = float(value)
        limit.cancel()
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
