"""What the supervisor promises about its parts, shown on toys that are real processes."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.refusal import ExitCode, Refusal
from tests.local.up.toys import a_command, a_server, command_of, keep_house, runs, until


async def test_everything_is_ready_before_it_says_so_and_nothing_runs_after_it_stopped(tmp_path: Path) -> None:
    house = keep_house([a_server("store"), a_server("app", after=("store",))], tmp_path)
    await house.ready.wait()
    pids = [house.pid("store"), house.pid("app")]
    assert all(runs(pid) for pid in pids)
    await house.stop()
    assert not any(runs(pid) for pid in pids)


async def test_a_part_starts_only_after_the_command_it_needs_has_ended_well(tmp_path: Path) -> None:
    note = tmp_path / "note"
    first = a_command("migration", f"import time; time.sleep(0.2); open({str(note)!r}, 'w').write('done')")
    second = a_command("reader", f"print(open({str(note)!r}).read())", after=("migration",))
    house = keep_house([second, first], tmp_path)
    await house.ready.wait()
    await house.stop()
    assert (tmp_path / "reader.log").read_text() == "done\n"


async def test_a_command_that_fails_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    house = keep_house([a_server("store"), a_command("migration", "raise SystemExit('no such table')")], tmp_path)
    with pytest.raises(Refusal) as refusal:
        await house.task
    assert "migration died (exit code 1)" in refusal.value.line
    assert "no such table" in refusal.value.line
    assert refusal.value.exit_code == ExitCode.PART_FAILED
    assert not house.supervisor.pids()


async def test_a_killed_part_is_reported_by_name_with_its_last_lines_and_comes_back(tmp_path: Path) -> None:
    house = keep_house([a_server("store"), a_server("app", after=("store",))], tmp_path)
    await house.ready.wait()
    for part in ("store", "app"):
        killed = house.pid(part)
        os.kill(killed, signal.SIGKILL)
        report = await house.until_reported(f"{part} died")
        assert "killed by SIGKILL" in report
        assert "    serving" in report
        await house.until_reported(f"{part} is ready again")
        assert house.pid(part) != killed
    await house.stop()


async def test_what_a_killed_part_had_started_dies_with_it(tmp_path: Path) -> None:
    house = keep_house([a_server("worker", "--with-child")], tmp_path)
    await house.ready.wait()
    child = int((tmp_path / "worker.log").read_text().split()[-1])
    assert runs(child)
    os.kill(house.pid("worker"), signal.SIGKILL)
    await house.until_reported("worker is ready again")
    await until(lambda: not runs(child))
    await house.stop()


async def test_a_part_that_dies_again_and_again_stops_everything_with_a_reason(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no such module')")
    hopeless = replace(a_server("app", after=("store",)), command=command)
    house = keep_house([a_server("store"), hopeless], tmp_path)
    with pytest.raises(Refusal) as refusal:
        await house.task
    assert "app died 3 times within 60 s" in refusal.value.line
    assert "no such module" in refusal.value.line
    assert not house.supervisor.pids()


async def test_a_part_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    house = keep_house([a_server("app", "--deaf", stop_seconds=0.1)], tmp_path)
    await house.ready.wait()
    deaf = house.pid("app")
    await house.stop()
    assert not runs(deaf)
    assert any("app did not stop" in report for report in house.reports)


async def test_a_second_request_to_stop_kills_at_once(tmp_path: Path) -> None:
    house = keep_house([a_server("store"), a_server("app", "--deaf", after=("store",), stop_seconds=1000)], tmp_path)
    await house.ready.wait()
    pids = [house.pid("store"), house.pid("app")]
    house.supervisor.stop()
    await house.stop()
    assert not any(runs(pid) for pid in pids)


async def test_stopping_while_parts_still_start_leaves_nothing(tmp_path: Path) -> None:
    never = a_command("migration", "import time; print('begun', flush=True); time.sleep(1000)")
    house = keep_house([never, a_server("app", after=("migration",))], tmp_path)
    await until(lambda: "migration" in house.supervisor.pids())
    pid = house.pid("migration")
    await house.stop()
    assert not house.ready.is_set()
    assert not runs(pid)


async def test_parts_stop_before_what_they_need(tmp_path: Path) -> None:
    house = keep_house([a_server("store"), a_server("app", "--deaf", after=("store",), stop_seconds=0.3)], tmp_path)
    await house.ready.wait()
    store, app = house.pid("store"), house.pid("app")
    house.supervisor.stop()
    while runs(app):
        assert runs(store)
        await asyncio.sleep(0.02)
    await house.task


async def test_a_killed_guardian_is_replaced(tmp_path: Path) -> None:
    house = keep_house([a_server("store")], tmp_path)
    await house.ready.wait()
    guardian = next(pid for pid in children() if "guardian.py" in command_of(pid))
    os.kill(guardian, signal.SIGKILL)
    await house.until_reported("guardian died")
    await until(lambda: any("guardian.py" in command_of(pid) for pid in children()))
    await house.stop()


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
