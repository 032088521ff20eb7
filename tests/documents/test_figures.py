"""Each performance figure of Darkroom is measured by exactly one benchmark."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench.figures import BY_NAME, FIGURES, GROUPS, Figure
from bench.results import REPORT, Result, current, keep, load, table
from bench.run import find_benchmarks, missing
from bench.scale import VARIABLE

PRINTED = Counter(name for benchmark in find_benchmarks() for name in benchmark.figures)


def test_each_figure_is_printed_by_one_benchmark() -> None:
    assert Counter(figure.name for figure in FIGURES) == PRINTED


def test_a_benchmark_belongs_to_one_group() -> None:
    for benchmark in find_benchmarks():
        groups = [
            name for name, figures in GROUPS.items() if {BY_NAME[each] for each in benchmark.figures} & {*figures}
        ]
        assert len(groups) == 1, benchmark


def test_every_stored_result_is_in_the_document() -> None:
    lines = REPORT.read_text().splitlines()
    for result in current(load()):
        assert any(line.startswith(f"| {result.name} | {result.value:g} |") for line in lines), result


def test_an_interrupted_run_continues_with_the_missing_benchmarks(tmp_path: Path) -> None:
    run = tmp_path / "all-1.json"
    assert missing(find_benchmarks(), run) == find_benchmarks()
    run.write_text(json.dumps(["orphans", "overhead_ms"]))
    left = {name for benchmark in missing(find_benchmarks(), run) for name in benchmark.figures}
    assert PRINTED.keys() - left == {"orphans"}, "its module prints another one besides overhead_ms"


def test_a_scaled_result_is_marked_and_does_not_replace_a_full_one(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    full = Result("orphans", 0, "0123abcd", "2026-11-27T12:00Z")
    keep([full], file)
    newer = keep([Result("orphans", 1, "4567cdef", "2026-11-28T12:00Z", scale=0.1)], file)
    assert [line.split()[5:9] for line in table(newer).splitlines()[1:]] == [
        ["0", "goal", "full", "0123abcd"],
        ["0", "missed", "0.1", "4567cdef"],
    ]
    again = Result("orphans", 0, "89abcdef", "2026-11-29T12:00Z")
    assert current(keep([again], file)) == [again]


def test_a_scaled_size_is_never_below_its_minimum() -> None:
    code = "from bench.scale import scaled; print(scaled(200), scaled(5), scaled(60, minimum=12))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={VARIABLE: "0.1"}, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout.split() == ["20", "1", "12"]


def test_a_figure_is_judged_by_its_own_direction() -> None:
    less = Figure("overhead_ms", "", must=150, goal=80)
    assert [less.verdict(value) for value in (80, 81, 151)] == ["goal", "must", "missed"]
    more = Figure("image_vs_pillow", "", must=2.0, goal=2.4, more_is_better=True)
    assert [more.verdict(value) for value in (2.4, 2.0, 1.9)] == ["goal", "must", "missed"]


def test_an_unknown_figure_is_refused_with_a_list_of_known_ones() -> None:
    command = [sys.executable, "-m", "bench.run", "no_such_figure"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 2
    assert "sign_page_vs_bare" in done.stderr
