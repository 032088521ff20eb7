"""A worker starts only if its decoders start, are confined and decode; otherwise it ends with one line of reason."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.media.sandbox import landlock
from tests.app.test_settings import GOOD
from tests.worker.other_python import ROOT, a_python_with

OLD_OPEN = """
import av
real_open = av.open
av.open = lambda file, format, container_options: real_open(file)
"""
NO_JPEG = """
import pyvips
def refuse(*arguments, **options): raise pyvips.Error("no loader")
pyvips.Image.jpegload = refuse
"""
BOTH = pytest.mark.tier("full", "each setting and each missing feature")


def start_check(missing: str, required: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.worker.restricted_kernel", missing, required]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603  # our own


@pytest.mark.parametrize("required", ["strict", pytest.param("relaxed", marks=BOTH)])
def test_a_worker_starts_on_a_kernel_with_every_feature(required: str) -> None:
    checked = start_check("nothing", required)
    assert checked.returncode == 0, checked.stderr
    assert f"landlock_level={landlock.level()}" in checked.stdout


def test_without_landlock_a_strict_worker_does_not_start() -> None:
    checked = start_check("landlock", "strict")
    assert checked.returncode == 1
    assert re.search("^unsafe: This kernel has no Landlock.*DARKROOM_SANDBOX=relaxed", checked.stderr, re.MULTILINE)


def test_without_landlock_a_relaxed_worker_starts_with_a_warning() -> None:
    checked = start_check("landlock", "relaxed")
    assert checked.returncode == 0, checked.stderr
    assert "landlock_level=None" in checked.stdout
    assert "sandbox.without_landlock" in checked.stdout + checked.stderr


def set_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set what a worker needs before it checks its machine."""
    for name, value in (GOOD | {"DARKROOM_SCRATCH_DISK": "relaxed"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DARKROOM_SCRATCH_FOLDER", str(folder / "scratch"))


@pytest.mark.parametrize("missing", [pytest.param("landlock", marks=BOTH), "seccomp"])
def test_a_refused_worker_ends_with_one_line_of_reason(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_environment(monkeypatch, tmp_path)
    checked = start_check(missing, "worker")
    assert checked.returncode == 1
    assert checked.stdout == ""
    assert re.fullmatch(f"This kernel has no {missing}.+\n", checked.stderr, re.IGNORECASE)


@pytest.mark.parametrize("required", [pytest.param("strict", marks=BOTH), "relaxed"])
def test_without_seccomp_no_worker_starts(required: str) -> None:
    checked = start_check("seccomp", required)
    assert checked.returncode == 1
    assert re.search("^unsafe: This kernel has no seccomp filters", checked.stderr, re.MULTILINE)


WORKER = ("app", "worker")
CHECK_ALONE = ("tests.worker.restricted_kernel", "nothing", "strict")


@pytest.mark.parametrize(
    ("fault", "sample", "module"),
    [
        pytest.param(NO_JPEG, "photo", CHECK_ALONE, id="photo"),
        pytest.param(OLD_OPEN, "video", WORKER, id="video"),
        pytest.param(NO_JPEG, "photo", WORKER, id="photo, complete worker", marks=BOTH),
    ],
)
def test_a_worker_that_cannot_decode_exits_with_a_reason(
    fault: str, sample: str, module: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_environment(monkeypatch, tmp_path)
    command = [str(a_python_with(fault, tmp_path)), "-m", *module]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603  # our own
    assert ended.returncode == 1
    assert re.search(
        f"^(unsafe: )?This machine cannot decode a {sample} .+: reinstall .+\n$", ended.stderr, re.MULTILINE
    )
    assert "Traceback" not in ended.stderr
