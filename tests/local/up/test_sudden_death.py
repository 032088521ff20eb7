"""However the supervisor dies, nothing that it or its parts started outlives it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.local.up.toys import command_of, runs, until


def descendants(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [each for child in found for each in descendants(child)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_everything_dies_with_the_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.local.up.run_toys", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    family = descendants(supervisor.pid)
    assert len(family) == 4, "guardian, store, worker and the worker's child"
    supervisor.send_signal(number)
    await supervisor.wait()
    await until(lambda: not any(runs(pid) for pid in family))


async def test_parts_die_even_if_the_guardian_is_killed_first(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.local.up.run_toys", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    family = descendants(supervisor.pid)
    child = int((tmp_path / "worker.log").read_text().split()[-1])
    guardian = next(pid for pid in family if "guardian.py" in command_of(pid))
    supervisor.send_signal(signal.SIGSTOP)  # so that it cannot replace the guardian
    os.kill(guardian, signal.SIGKILL)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not any(runs(pid) for pid in family if pid != child))
    os.kill(child, signal.SIGKILL)  # out of anybody's reach: both who knew it were killed
