"""Run pytest with our plugins on a small folder of tests, and return the outcome and the output."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

RUN_SECONDS = 250
INSTALLED_PLUGINS = ("xdist.plugin", "pytest_asyncio.plugin")
"""To load all installed plugins takes 2 s of CPU in each process."""
ROOT = Path(__file__).parents[2]
SETTINGS = """\
[tool.pytest.ini_options]
testpaths = ["tests"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "module"
asyncio_default_test_loop_scope = "module"
"""


@dataclass(frozen=True, slots=True)
class Run:
    """The exit status and output of a run."""

    status: int
    text: str


def run(folder: Path, files: Mapping[str, str], *options: str, plugins: str = "tests.tiers") -> Run:
    """Write the files below `tests` in `folder`, which must be new, and run pytest on them."""
    (folder / "pyproject.toml").write_text(SETTINGS)
    for name, text in files.items():
        file = folder / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    loaded = [word for plugin in (*INSTALLED_PLUGINS, *plugins.split()) for word in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", *loaded, "-p", "no:cacheprovider", "--import-mode=importlib", *options]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    return Run(done.returncode, done.stdout + done.stderr)
