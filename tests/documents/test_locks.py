"""Every supported Python version gets the same packages: all locks of an environment pin the same versions."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
SERVER_PINS = ("run.in", "run.txt", "emulator.in", "emulator.txt")
PINNED = re.compile(r"^([a-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


@pytest.mark.parametrize("locks", [("run.txt", "test.txt"), ("emulator.txt",)])
def test_no_package_has_two_versions(locks: tuple[str, ...]) -> None:
    versions = defaultdict(set)
    for lock in locks:
        for package, version in PINNED.findall((REQUIREMENTS / lock).read_text()):
            versions[package].add(version)
    assert versions
    assert not {package: several for package, several in versions.items() if len(several) > 1}


def test_the_emulator_has_the_servers_version_that_our_protocol_class_subclasses() -> None:
    """Also in the source of its lock, so that a new lock keeps it."""
    pins = [dict(PINNED.findall((REQUIREMENTS / name).read_text())).get("uvicorn") for name in SERVER_PINS]
    assert pins == [pins[0]] * len(SERVER_PINS)
    assert pins[0] is not None
