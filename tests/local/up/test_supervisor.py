"""The supervisor's guarantees, tested with sample parts that are real processes."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.startup_error import ExitCode, StartupError
from tests.local.up.sample_parts import a_command, a_server, command_of, runs, start_supervisor, until


async def test_ready_is_reported_after_all_parts_and_nothing_runs_after_the_stop(tmp_path: Path) -> None:
    services = start_supervisor([a_server("store"), a_server("app", after=("store",))], tmp_path)
    await services.ready.wait()
    pids = [services.pid("store"), services.pid("app")]
    assert all(runs(pid) for pid in pids)
    await services.stop()
    assert not any(runs(pid) for pid in pids)


async def test_a_part_starts_only_after_its_required_command_succeeded(tmp_path: Path) -> None:
    note = tmp_path / "note"
    first = a_command("migration", f"import time; time.sleep(0.2); open({str(note)!r}, 'w').write('done')")
    second = a_command("reader", f"print(open({str(note)!r}).read())", after=("migration",))
    services = start_supervisor([second, first], tmp_path)
    await services.ready.wait()
    await services.stop()
    assert (tmp_path / "reader.log").read_text() == "done\n"


async def test_a_failed_command_stops_the_start_and_prints_its_last_lines(tmp_path: Path) -> None:
    services = start_supervisor(
        [a_server("store"), a_command("migration", "raise SystemExit('no such table')")], tmp_path
    )
    with pytest.raises(StartupError) as error:
        await services.task
    assert "migration failed (exit code 1)" in error.value.line
    assert "no such table" in error.value.line
    assert error.value.exit_code == ExitCode.PART_FAILED
    assert not services.supervisor.pids()


async def test_a_killed_part_is_reported_with_its_last_lines_and_restarted(tmp_path: Path) -> None:
    services = start_supervisor([a_server("store"), a_server("app", after=("store",))], tmp_path)
    await services.ready.wait()
    for part in ("store", "app"):
        killed = services.pid(part)
        os.kill(killed, signal.SIGKILL)
        report = await services.until_reported(f"{part} failed")
        assert "killed by SIGKILL" in report
        assert "    serving" in report
        await services.until_reported(f"{part} is ready again")
        assert services.pid(part) != killed
    await services.stop()


async def test_child_processes_of_a_killed_part_are_killed(tmp_path: Path) -> None:
    services = start_supervisor([a_server("worker", "--with-child")], tmp_path)
    await services.ready.wait()
    child = int((tmp_path / "worker.log").read_text().split()[-1])
    assert runs(child)
    os.kill(services.pid("worker"), signal.SIGKILL)
    await services.until_reported("worker is ready again")
    await until(lambda: not runs(child))
    await services.stop()


async def test_a_part_that_crashes_repeatedly_stops_everything_with_a_reason(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such module')")
    failing = replace(a_server("app", after=("store",)), command=command)
    services = start_supervisor([a_server("store"), failing], tmp_path)
    with pytest.raises(StartupError) as error:
        await services.task
    assert "app failed 3 times within 60 s" in error.value.line
    assert "no such module" in error.value.line
    assert not services.supervisor.pids()


async def test_a_part_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    services = start_supervisor([a_server("app", "--ignores-sigterm", stop_seconds=0.1)], tmp_path)
    await services.ready.wait()
    unsubscribed = services.pid("app")
    await services.stop()
    assert not runs(unsubscribed)
    assert any("app did not stop" in report for report in services.reports)


async def test_a_second_request_to_stop_kills_immediately(tmp_path: Path) -> None:
    services = start_supervisor(
        [a_server("store"), a_server("app", "--ignores-sigterm", after=("store",), stop_seconds=1000)], tmp_path
    )
    await services.ready.wait()
    pids = [services.pid("store"), services.pid("app")]
    services.supervisor.stop()
    await services.stop()
    assert not any(runs(pid) for pid in pids)


async def test_stopping_while_parts_still_start_leaves_nothing(tmp_path: Path) -> None:
    never = a_command("migration", "import time; print('begun', flush=True); time.sleep(1000)")
    services = start_supervisor([never, a_server("app", after=("migration",))], tmp_path)
    await until(lambda: "migration" in services.supervisor.pids())
    pid = services.pid("migration")
    await services.stop()
    assert not services.ready.is_set()
    assert not runs(pid)


async def test_parts_stop_before_their_dependencies(tmp_path: Path) -> None:
    services = start_supervisor(
        [a_server("store"), a_server("app", "--ignores-sigterm", after=("store",), stop_seconds=0.3)], tmp_path
    )
    await services.ready.wait()
    store, app = services.pid("store"), services.pid("app")
    services.supervisor.stop()
    while runs(app):
        assert runs(store)
        await asyncio.sleep(0.02)
    await services.task


async def test_a_killed_watchdog_is_replaced(tmp_path: Path) -> None:
    services = start_supervisor([a_server("store")], tmp_path)
    await services.ready.wait()
    watchdog = next(pid for pid in children() if "watchdog.py" in command_of(pid))
    os.kill(watchdog, signal.SIGKILL)
    await services.until_reported("watchdog exited")
    await until(lambda: any("watchdog.py" in command_of(pid) for pid in children()))
    await services.stop()


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
