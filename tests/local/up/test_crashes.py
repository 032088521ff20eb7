"""However the supervisor is killed, none of the processes that it or its parts started outlives it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.local.up.sample_parts import command_of, runs, until


def descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [each for child in children for each in descendants(child)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_every_process_ends_with_the_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.local.up.run_sample_parts", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    processes = descendants(supervisor.pid)
    assert len(processes) == 4, "watchdog, store, worker and the worker's child"
    supervisor.send_signal(number)
    await supervisor.wait()
    await until(lambda: not any(runs(pid) for pid in processes))


async def test_parts_exit_even_if_the_watchdog_is_killed_first(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.local.up.run_sample_parts", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    processes = descendants(supervisor.pid)
    child = int((tmp_path / "worker.log").read_text().split()[-1])
    watchdog = next(pid for pid in processes if "watchdog.py" in command_of(pid))
    supervisor.send_signal(signal.SIGSTOP)  # so that it cannot replace the watchdog
    os.kill(watchdog, signal.SIGKILL)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not any(runs(pid) for pid in processes if pid != child))
    os.kill(child, signal.SIGKILL)  # no process could stop the child: both that knew it were killed
