"""A worker starts only where its decoders start and are confined; a kernel that cannot do that is named in one line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.media import landlock
from tests.app.test_settings import GOOD

ROOT = Path(__file__).parents[2]


def start_check(missing: str, wanted: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.worker.poorer_kernel", missing, wanted]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603  # our own


@pytest.mark.parametrize("wanted", ["strict", "relaxed"])
def test_a_kernel_with_everything_is_good_enough(wanted: str) -> None:
    checked = start_check("nothing", wanted)
    assert checked.returncode == 0, checked.stderr
    assert f"landlock_level={landlock.level()}" in checked.stdout


def test_without_landlock_a_strict_worker_does_not_start() -> None:
    checked = start_check("landlock", "strict")
    assert checked.returncode == 1
    assert re.search("^unsafe: This kernel has no Landlock.*DARKROOM_SANDBOX=relaxed", checked.stderr, re.MULTILINE)


def test_without_landlock_a_relaxed_worker_starts_and_says_so() -> None:
    checked = start_check("landlock", "relaxed")
    assert checked.returncode == 0, checked.stderr
    assert "landlock_level=None" in checked.stdout
    assert "sandbox.without_landlock" in checked.stdout + checked.stderr


@pytest.mark.parametrize("missing", ["landlock", "seccomp"])
def test_the_worker_ends_with_that_line_alone(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    checked = start_check(missing, "worker")
    assert checked.returncode == 1
    assert checked.stdout == ""
    assert re.fullmatch(f"This kernel has no {missing}.+\n", checked.stderr, re.IGNORECASE)


@pytest.mark.parametrize("wanted", ["strict", "relaxed"])
def test_without_seccomp_no_worker_starts(wanted: str) -> None:
    checked = start_check("seccomp", wanted)
    assert checked.returncode == 1
    assert re.search("^unsafe: This kernel has no seccomp filters", checked.stderr, re.MULTILINE)
