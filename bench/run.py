"""Runs the benchmarks one after another and shows their figures: `python -m bench.run [FIGURE]`.

Without a figure's name it runs all of them and writes docs/BENCHMARKS.md. A benchmark is a module here with a tuple
`FIGURES`; it prints a line `figure NAME VALUE` for each.
"""

import ast
import subprocess
import sys
import threading
from pathlib import Path

from bench.figures import BY_NAME
from bench.machine import describe_machine

HERE = Path(__file__).parent
REPORT = HERE.parent / "docs" / "BENCHMARKS.md"
LIMIT_SECONDS = 3 * 3600
"""Against hanging only: twenty runs of the cache's chaos may take ten minutes each."""
NO_BENCHMARKS = {"figures"}


def main(arguments: list[str]) -> int:
    benchmarks = find_benchmarks()
    if not arguments:
        return _run_all(benchmarks)
    name = arguments[0]
    for module, figures in benchmarks.items():
        if name in figures:
            values = _run(module)
            _show(values)
            return 0 if name in values else 1
    known = ", ".join(sorted(name for figures in benchmarks.values() for name in figures))
    sys.stderr.write(f"No benchmark prints the figure {name!r}. There are: {known}\n")
    return 2


def find_benchmarks() -> dict[str, tuple[str, ...]]:
    """The figures that each module prints, read from its text: importing it may start things."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        if path.stem in NO_BENCHMARKS:
            continue
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and _names_figures(statement.targets):
                found[path.stem] = tuple(ast.literal_eval(statement.value))
    return found


def _names_figures(targets: list[ast.expr]) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "FIGURES" for target in targets)


def _run_all(benchmarks: dict[str, tuple[str, ...]]) -> int:
    values: dict[str, float] = {}
    failed = []
    for module, figures in benchmarks.items():
        printed = _run(module)
        values |= printed
        failed += [name for name in figures if name not in printed]
        REPORT.write_text(_report(values))  # after each, so that an interrupted run leaves what it measured
    _show(values)
    for name in failed:
        sys.stderr.write(f"The benchmark of {name} did not print it.\n")
    return 1 if failed else 0


def _run(module: str) -> dict[str, float]:
    """Its output goes on to the terminal as it comes; the figures among it are returned."""
    print(f"== {module}", flush=True)
    values = {}
    command = [sys.executable, "-u", "-m", f"{HERE.name}.{module}"]
    with subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
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


def _rows(values: dict[str, float]) -> list[tuple[str, str, str, str, str, str]]:
    rows = []
    for name, value in values.items():
        figure = BY_NAME.get(name)
        if figure is None:
            rows.append((name, f"{value:g}", "", "", "", ""))
        else:
            sign = ">=" if figure.more_is_better else "<="
            limits = (f"{sign} {figure.must:g}", f"{sign} {figure.goal:g}")
            rows.append((name, f"{value:g}", *limits, figure.verdict(value), figure.what))
    return rows


def _show(values: dict[str, float]) -> None:
    print(f"\n{'figure':24} {'value':>10} {'must':>9} {'goal':>9}  reached")
    for name, value, must, goal, verdict, _ in _rows(values):
        print(f"{name:24} {value:>10} {must:>9} {goal:>9}  {verdict}")


def _report(values: dict[str, float]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; one of them again: `make figure NAME=sign_page_vs_bare`.",
        "",
    ]
    lines += [*describe_machine(), "", "| figure | value | must | goal | reached | what |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(values)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
