"""Every supported Python version gets the same packages: all locks of an environment pin the same versions."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
PINNED = re.compile(r"^([a-z0-9._-]+)==([^ ;]+)", re.MULTILINE)


@pytest.mark.parametrize("locks", [("run.txt", "test.txt"), ("emulator.txt",)])
def test_no_package_has_two_versions(locks: tuple[str, ...]) -> None:
    versions = defaultdict(set)
    for lock in locks:
        for package, version in PINNED.findall((REQUIREMENTS / lock).read_text()):
            versions[package].add(version)
    assert versions
    assert not {package: several for package, several in versions.items() if len(several) > 1}
