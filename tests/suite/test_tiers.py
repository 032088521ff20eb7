"""Each test belongs to one tier; a run prints the tests that it excludes or does not reach."""

import re
import time
from pathlib import Path

import pytest

from tests.suite.small_run import Run, run

FILES = {
    "items/test_items.py": """
        import pytest

        def test_plain(): pass

        @pytest.mark.parametrize("server", ["sqlite", "mariadb", "mysql", "debian_redis_pair"])
        def test_on(server): pass

        @pytest.mark.tier("full", "a slow one")
        def test_marked(): pass

        @pytest.mark.tier("all", "long runs")
        def test_hours(): pass
    """,
    "drills/test_drills.py": """
        import pytest

        def test_drill(): pass

        @pytest.mark.tier("test")
        def test_short_drill(): pass
    """,
}
TWO_PROCESSES = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")
ALONE_AND_DISTRIBUTED = pytest.mark.parametrize(
    "processes",
    [(), pytest.param(TWO_PROCESSES, marks=pytest.mark.tier("full", "three processes each"))],
    ids=["alone", "distributed"],
)


def names(ended: Run) -> set[str]:
    """Return the tests that passed, as `-rA` reports them."""
    return set(re.findall(r"^PASSED \S+::(\S+)$", ended.text, re.MULTILINE))


SMALLEST = {"test_plain", "test_on[sqlite]", "test_short_drill"}
FULL = {"test_on[mariadb]", "test_on[debian_redis_pair]", "test_marked", "test_drill"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--tier", "full"], SMALLEST | FULL),
        (["--tier", "all"], SMALLEST | FULL | {"test_hours", "test_on[mysql]"}),
        (["--tier", "full", "--beyond", "test"], FULL),
    ],
)
def test_a_tier_includes_the_smaller_tiers(tmp_path: Path, options: list[str], expected: set[str]) -> None:
    ended = run(tmp_path, FILES, "-rA", *options)
    assert (ended.status, names(ended)) == (0, expected)


@ALONE_AND_DISTRIBUTED
def test_excluded_tests_are_counted_by_folder_and_reason(tmp_path: Path, processes: tuple[str, ...]) -> None:
    ended = run(tmp_path, FILES, "-rA", "--tier", "test", *processes)
    assert (ended.status, names(ended)) == (0, SMALLEST)
    lines = [" ".join(line.split()) for line in ended.text.partition("left to other runs")[2].splitlines()]
    for line in (
        "1 drills (drills)",
        "1 items (MariaDB)",
        "1 items (MySQL)",
        "1 items (Redis 7)",
        "1 items (a slow one)",
    ):
        assert line in lines
    assert "1 items (long runs)" in lines


@ALONE_AND_DISTRIBUTED
def test_tests_not_reached_before_the_deadline_are_printed_and_the_run_passes(
    tmp_path: Path, processes: tuple[str, ...]
) -> None:
    ended = run(tmp_path, FILES, "-rA", "--until", str(time.time() - 1), *processes)
    assert (ended.status, names(ended)) == (0, set())
    assert "9 tests not reached before the deadline" in ended.text
    assert re.search(r"^ +7 +tests/items/test_items.py$", ended.text, re.MULTILINE)


@ALONE_AND_DISTRIBUTED
def test_a_failure_before_the_deadline_fails_the_run(tmp_path: Path, processes: tuple[str, ...]) -> None:
    files = {"items/test_items.py": "def test_wrong(): assert False\n"}
    ended = run(tmp_path, files, "--until", str(time.time() + 600), *processes)
    assert ended.status == 1
    assert "FAILED tests/items/test_items.py::test_wrong - " in ended.text


@ALONE_AND_DISTRIBUTED
def test_a_run_without_tests_passes_only_with_a_deadline(tmp_path: Path, processes: tuple[str, ...]) -> None:
    files = {"items/test_items.py": "def test_plain(): pass\n"}
    rest = ("--tier", "full", "--beyond", "test", *processes)
    assert run(tmp_path, files, *rest).status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert run(tmp_path, files, *rest, "--until", str(time.time() + 600)).status == 0
