"""The figures that Darkroom is held to are each measured by one benchmark."""

import subprocess
import sys
from collections import Counter

from bench.figures import BY_NAME, Figure
from bench.run import find_benchmarks


def test_no_figure_is_printed_by_two_benchmarks() -> None:
    printed = Counter(name for figures in find_benchmarks().values() for name in figures)
    assert printed.most_common(1)[0][1] == 1


def test_every_benchmark_prints_figures_that_have_a_limit() -> None:
    assert {name for figures in find_benchmarks().values() for name in figures} <= BY_NAME.keys()


def test_a_figure_is_judged_by_its_direction() -> None:
    less = Figure("overhead_ms", "", must=150, goal=80)
    assert [less.verdict(value) for value in (80, 81, 151)] == ["goal", "must", "missed"]
    more = Figure("image_vs_pillow", "", must=2.0, goal=2.4, more_is_better=True)
    assert [more.verdict(value) for value in (2.4, 2.0, 1.9)] == ["goal", "must", "missed"]


def test_an_unknown_figure_is_refused_with_the_list() -> None:
    command = [sys.executable, "-m", "bench.run", "no_such_figure"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 2
    assert "sign_page_vs_bare" in done.stderr
