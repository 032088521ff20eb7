"""What a product team installs: one wheel with the client and the wire models, and nothing of the service."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"darkroom_client", "darkroom_shared"}

CATCHES_A_PROBLEM = """
import httpx
import darkroom_client.command, darkroom_shared.problems
from darkroom_client.commands.running import ExitCode, exit_code
from darkroom_client.connection import require_success

body = darkroom_shared.problems.Unauthenticated().body()
response = httpx.Response(401, json=body, headers={"Content-Type": darkroom_shared.problems.MEDIA_TYPE})
try:
    require_success(response)
except darkroom_shared.problems.Unauthenticated as problem:
    assert exit_code(problem) is ExitCode.NOT_SIGNED_IN
assert exit_code(darkroom_shared.problems.Unauthenticated()) is ExitCode.NOT_SIGNED_IN
print(darkroom_shared.__file__)
"""
IMPORTS_EVERYTHING = """
import importlib, pkgutil, darkroom_client, darkroom_shared
for package in (darkroom_client, darkroom_shared):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, without a network, and install it into an empty folder.

    pip installs no sources, but the wheel that it builds of them.
    """
    folder = tmp_path_factory.mktemp("distribution")
    for name in ("client", "shared/darkroom_shared"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", "installed", "./client"]
    _run(command, folder)
    return folder / "installed"


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with links to the installed packages without ours, whose metadata would be found, too."""
    folder = tmp_path_factory.mktemp("dependencies")
    for path in {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}:
        for entry in path.iterdir():
            if not entry.name.startswith(("darkroom", "__editable__")):
                (folder / entry.name).symlink_to(entry)
    return folder


def test_the_wheel_has_only_two_names_and_a_command(installed: Path) -> None:
    (information,) = installed.glob("darkroom_client-*.dist-info")
    assert {path.name for path in installed.iterdir()} == OURS | {information.name, "bin"}
    assert [path.name for path in (installed / "bin").iterdir()] == ["darkroom"]
    sources = {path.relative_to(ROOT / "client") for path in (ROOT / "client" / "darkroom_client").rglob("*.py")}
    sources |= {path.relative_to(ROOT / "shared") for path in (ROOT / "shared" / "darkroom_shared").rglob("*.py")}
    assert {path.relative_to(installed) for path in installed.rglob("*.py")} == sources


def test_no_module_imports_another_package_of_ours_or_an_undeclared_dependency(installed: Path) -> None:
    (metadata,) = importlib.metadata.distributions(path=[str(installed)])
    declared = {re.split(r"\W", requirement)[0] for requirement in metadata.requires or []}
    imported = {name for path in installed.rglob("*.py") for name in _imported(path)}
    assert imported - set(sys.stdlib_module_names) - OURS == declared


def test_the_wire_models_import_pydantic_and_nothing_of_ours() -> None:
    sources = (ROOT / "shared" / "darkroom_shared").rglob("*.py")
    imported = {name for path in sources for name in _imported(path)}
    assert imported - set(sys.stdlib_module_names) == {"darkroom_shared", "pydantic"}


def test_every_module_works_where_nothing_else_of_ours_is_installed(installed: Path, dependencies: Path) -> None:
    assert _run_isolated([installed, dependencies], "import app", must_fail=True).endswith("No module named 'app'")
    _run_isolated([installed, dependencies], IMPORTS_EVERYTHING)


@pytest.mark.parametrize(
    ("words", "last_line"), [(["--version"], "darkroom 0.1.0"), (["nothing"], "darkroom: error: argument COMMAND")]
)
def test_the_command_runs_where_nothing_else_of_ours_is_installed(
    installed: Path, dependencies: Path, words: list[str], last_line: str
) -> None:
    program = f"from darkroom_client.command import main; main({words!r})"
    output = _run_isolated([installed, dependencies], program, must_fail=words == ["nothing"])
    assert output.startswith(last_line)


def test_wheel_and_editable_installation_have_one_class_of_each_problem(installed: Path, dependencies: Path) -> None:
    wheel = _run_isolated([installed, dependencies], CATCHES_A_PROBLEM)
    editable = _run([sys.executable, "-P", "-c", CATCHES_A_PROBLEM], ROOT.parent)
    assert Path(wheel) == installed / "darkroom_shared" / "__init__.py"
    assert Path(editable) == ROOT / "shared" / "darkroom_shared" / "__init__.py"


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def _run_isolated(paths: list[Path], program: str, *, must_fail: bool = False) -> str:
    """Run with the packages of these folders only: without `site`, no editable installation is active."""
    prelude = f"import sys; sys.path.extend({[str(path) for path in paths]!r})\n"
    return _run([sys.executable, "-I", "-S", "-c", prelude + program], paths[0], must_fail=must_fail)


def _run(command: list[str], folder: Path, *, must_fail: bool = False) -> str:
    """Return the last line of the output, of stderr if the program must fail."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)  # noqa: S603 - our own programs
    assert (ended.returncode != 0) is must_fail, ended.stderr
    lines = (ended.stderr if must_fail else ended.stdout).splitlines()
    return lines[-1] if lines else ""
