"""What the command imports before it knows which command runs."""

import subprocess
import sys

PLUGINS = {
    "app",
    "app.admin",
    "app.admin.command",
    "app.admin.local_environment",
    "app.admin.parsers",
    "app.admin.verify_command",
    "local",
    "local.command",
}
"""Modules that declare the parsers of `admin`, `verify` and `up`."""

PRINTS_MODULES = """
import sys
from darkroom_client.command import main
try:
    main([{words}])
except SystemExit:
    print("modules", *sys.modules)
"""


def test_version_imports_neither_app_nor_local() -> None:
    assert not _of_the_service(_imported('"--version"'))


def test_help_imports_only_the_parsers_of_app_and_local() -> None:
    imported = _imported('"--help"')
    assert _of_the_service(imported) == PLUGINS
    assert not imported & {"sqlalchemy", "fastapi", "aioboto3", "structlog"}


def test_help_of_admin_imports_only_its_parsers() -> None:
    assert _of_the_service(_imported('"admin", "--help"')) < PLUGINS


def _imported(words: str) -> set[str]:
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", PRINTS_MODULES.format(words=words)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.splitlines()[-1].split())


def _of_the_service(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in {"app", "local", "darkroom_process"}}
