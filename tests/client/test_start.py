"""What the command imports before it knows which command runs."""

import subprocess
import sys

import pytest

PLUGINS = {
    "app",
    "app.admin",
    "app.admin.commands",
    "app.admin.commands.admin",
    "app.admin.commands.local_environment",
    "app.admin.commands.parsers",
    "app.admin.commands.verify",
    "local",
    "local.command",
}
"""Modules that declare the parsers of `admin`, `verify` and `up`."""

COMMANDS = ("--version", "admin --help", "--help")
PRINTS_MODULES = f"""
import sys
from darkroom_client.command import main
for command in {COMMANDS}:
    try:
        main(command.split())
    except SystemExit:
        print("modules", *sys.modules)
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """The modules after each command of one process, with those of the commands before it."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", PRINTS_MODULES], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("modules ")]
    return dict(zip(COMMANDS, map(set, lines), strict=True))


def test_version_imports_neither_app_nor_local(imported: dict[str, set[str]]) -> None:
    assert not _of_the_service(imported["--version"])


def test_help_imports_only_the_parsers_of_app_and_local(imported: dict[str, set[str]]) -> None:
    assert _of_the_service(imported["--help"]) == PLUGINS
    assert not imported["--help"] & {"sqlalchemy", "fastapi", "aioboto3", "structlog"}


def test_help_of_admin_imports_only_its_parsers(imported: dict[str, set[str]]) -> None:
    assert _of_the_service(imported["admin --help"]) < PLUGINS


def _of_the_service(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in {"app", "local", "darkroom_process"}}
