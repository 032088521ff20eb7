"""At its start a worker checks that a child of its own template can do nothing but decode."""

from pathlib import Path

import pytest

from app.media.decoders import Decoders
from app.media.sandbox import landlock
from app.media.sandbox.check import FORBIDDEN, SECRET, forbidden_attempts, needing_landlock
from app.media.sandbox.confinement import Limits

PLENTY_SECONDS = 60.0


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / SECRET).write_text("other accounts' photos")
    return folder


async def test_a_child_of_the_template_is_refused_every_forbidden_action(
    decoders: Decoders, outside: Path, folder: Path
) -> None:
    template = decoders.template_pid
    assert await decoders.check_sandbox(outside, folder, limit_seconds=PLENTY_SECONDS) == frozenset()
    assert not (outside / FORBIDDEN).exists()
    assert decoders.template_pid == template


def test_the_check_notices_a_process_that_is_not_confined(outside: Path) -> None:
    attempts = {attempt.name: attempt for attempt in forbidden_attempts(Limits(), outside)}
    harmless = ("read a file outside", "list a folder outside", "write a file outside", "open a socket")
    for name in harmless:
        attempts[name].run()
    assert (outside / FORBIDDEN).exists()
    assert needing_landlock() < attempts.keys()
    assert landlock.level() >= 1
