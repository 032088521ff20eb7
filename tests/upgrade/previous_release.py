"""An earlier release of Darkroom, taken from the repository's history, and its worker."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from tests.drills.installation import outer_environment
from tests.servers import free_port

COMMIT = "2e8417d763100307f2b30bad610b9bf885bd9acf"
"""The last release before the code was restructured; the upgrade is tested from it."""
REPOSITORY = Path(__file__).parents[2]
TREE = ("app", "client", "local", "shared", "web")
COMMAND_SECONDS = 120
STOP_SECONDS = 60.0
"""Longer than a worker's grace period."""


def unpack_release(folder: Path, commit: str = COMMIT) -> Path:
    """Extract the code of the commit into a new folder. Raises AssertionError if the repository lacks the commit."""
    archive = subprocess.run(  # noqa: S603  # our own history
        ["git", "-C", str(REPOSITORY), "archive", commit, "--", *TREE],  # noqa: S607
        capture_output=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert archive.returncode == 0, (
        f"The repository lacks the commit {commit[:7]}, from which the upgrade is tested: fetch the whole history "
        f"(git fetch --unshallow). {archive.stderr.decode().strip()}"
    )
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


@contextmanager
def running_worker(release: Path, app: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """Run a worker of that release for the duration of the block, with the environment `app`. Yields its log file.

    The worker imports the release's own code and every other package from the environment of the tests.

    Raises AssertionError if the worker ends before the block or does not stop in time.
    """
    folder.mkdir()
    log = folder / "log"
    own = {"DARKROOM_LISTEN_PORT": str(free_port()), "TMPDIR": str(folder), "PYTHONPATH": str(release)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-P", "-m", "app", "worker"],
            env=outer_environment() | dict(app) | own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield log
        assert process.poll() is None, log.read_text()
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
