"""Measure the cost of the sandbox for a decode: the same photo is made in turns by a child with and without it.

Both children are forked from one warm process, like the template's, and have the same niceness. The figure is wall
time from the fork to the end of the child: the median of the differences, pair by pair.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyvips

from app.media.image.renditions import make_image
from app.media.sandbox.confinement import Limits, confine, prepare
from app.media.sandbox.template_process import ENVIRONMENT
from bench.photos import make_photos
from bench.scale import scaled

FIGURES = ("sandbox_ms",)
_PAIRS = scaled(60)
_WARM_UP = 3


def main(arguments: list[str]) -> int:
    if arguments:
        return _measure(Path(arguments[0]))
    with tempfile.TemporaryDirectory() as place:
        (photo,) = make_photos(Path(place), 1)
        # A fresh process with the template's own environment, which decides how memory is allocated.
        command = [sys.executable, "-m", "bench.sandbox", str(photo)]
        return subprocess.run(command, cwd=Path(__file__).parents[1], env=ENVIRONMENT, check=False).returncode  # noqa: S603  # our own


def _measure(photo: Path) -> int:
    _warm()
    differences, without = [], []
    for turn in range(_WARM_UP + _PAIRS):
        # Each of the two runs first in every other pair.
        order = (True, False) if turn % 2 else (False, True)
        seconds = {confined: _seconds_of_child(photo, confined=confined) for confined in order}
        if turn >= _WARM_UP:
            differences.append(seconds[True] - seconds[False])
            without.append(seconds[False])
    print(f"a 12 MP photo takes {statistics.median(without) * 1000:.0f} ms without the sandbox")
    print(f"figure sandbox_ms {statistics.median(differences) * 1000:.2f}")
    return 0


def _warm() -> None:
    """Warm up the process like the template's main function."""
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    prepare()


def _seconds_of_child(photo: Path, *, confined: bool) -> float:
    with tempfile.TemporaryDirectory(dir=photo.parent) as name:
        folder = Path(name)
        started = time.perf_counter()
        child = os.fork()
        if child == 0:
            _run_child(photo, folder, confined=confined)
        _, status = os.waitpid(child, 0)
        seconds = time.perf_counter() - started
        assert status == 0, "the photo must be made in either child"
        return seconds


def _run_child(photo: Path, folder: Path, *, confined: bool) -> None:
    exit_code = 1
    try:
        limits = Limits()
        if confined:
            confine(limits, folder, source=photo, encoder=None, keep=3)
        else:
            os.nice(limits.niceness)
            os.chdir(folder)
            os.environ["TMPDIR"] = str(folder)
        make_image(photo, folder, on_probe=lambda probe: None)
        exit_code = 0
    finally:
        os._exit(exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
