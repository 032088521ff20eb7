"""A child that crashes, hangs or is cancelled fails only its own photo."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from app.media.decoders import Decoders
from app.media.recipe import RECIPE
from app.media.results import DecoderCrashed, Limit, MediaError, Probe
from app.media.sandbox import children
from app.media.sandbox.confinement import Limits
from app.media.sandbox.protocol import StartJob
from darkroom_shared.items import FailureCode, ItemKind
from tests.media.conftest import wait_for_template
from tests.media.sample_images import sample

PLENTY_SECONDS = 60.0
# Long enough for a running template to fork on a busy machine, so that the test sees the child before its time is over.
LIMIT_SECONDS = 2.0


@asynccontextmanager
async def started(limits: Limits | None = None) -> AsyncIterator[Decoders]:
    decoders = Decoders.start(slots=2, limits=limits)
    try:
        yield decoders
    finally:
        await decoders.aclose()


@pytest.fixture
async def own_decoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Decoders]:
    """Decoders of the test's own, whose template it may kill or stop."""
    monkeypatch.setattr(children, "KILL_SECONDS", 0.5)
    async with started() as decoders:
        await wait_for_template(decoders, tmp_path)
        yield decoders


@pytest.fixture
def stuck(tmp_path: Path) -> Path:
    """A source without a writer: opening it blocks forever."""
    source = tmp_path / "stuck.jpg"
    os.mkfifo(source)
    return source


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PLENTY_SECONDS):
        while not condition():  # noqa: ASYNC110  no event of other processes or of /proc
            await asyncio.sleep(0.01)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def process(pid: int | None) -> Path:
    return Path(f"/proc/{pid}")


def children_of(pid: int | None) -> list[int]:
    return sorted(map(int, (process(pid) / "task" / str(pid) / "children").read_text().split()))


def is_confined(pid: int) -> bool:
    return "Seccomp:\t2" in (process(pid) / "status").read_text()


def environment_of(pid: int | None) -> bytes:
    return (process(pid) / "environ").read_bytes()


def working_folder_of(pid: int) -> Path:
    return (process(pid) / "cwd").readlink()


def is_alive(pid: int) -> bool:
    try:
        return (process(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_photo_becomes_facts_and_files(decoders: Decoders, folder: Path) -> None:
    result = await decoders.make_image(sample("private.jpg"), folder, limit_seconds=PLENTY_SECONDS)
    assert (result.kind, result.width, result.height) == (ItemKind.IMAGE, 160, 120)
    assert result.camera == "Darkroom Works Mark II"
    assert result.cpu_seconds > 0
    assert result.wall_seconds > 0
    assert names_in(folder) == {recipe.file for recipe in RECIPE}
    for rendition in result.renditions:
        assert hashlib.sha256((folder / rendition.file).read_bytes()).hexdigest() == rendition.sha256


async def test_a_decoder_error_reaches_the_caller_and_leaves_no_files(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "text.jpg"
    source.write_text("Dear diary,")
    with pytest.raises(MediaError) as caught:
        await decoders.make_image(source, folder, limit_seconds=PLENTY_SECONDS)
    assert caught.value.code is FailureCode.UNSUPPORTED
    assert not names_in(folder)


async def test_the_template_deletes_no_files_because_it_kills_no_child_meanwhile(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    """A failed ladder leaves thousands of segments; the worker deletes them when it has the child's end."""
    (tmp_path / "text.jpg").write_text("Dear diary,")
    (folder / "left").touch()
    job = decoders._children.begin(StartJob(0, str(tmp_path / "text.jpg"), str(folder), Limits()))
    await job.ended
    assert names_in(folder) == {"left"}
    await decoders._children.end(job)
    assert not names_in(folder)


async def test_a_killed_child_fails_only_its_own_photo(
    decoders: Decoders, folder: Path, stuck: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    killed = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
    await until(lambda: decoders.pids)
    (pid,) = decoders.pids
    neighbour = asyncio.create_task(decoders.make_image(sample("private.jpg"), other, limit_seconds=PLENTY_SECONDS))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(DecoderCrashed) as caught:
        await killed
    assert caught.value.crash_report.signal == "SIGKILL"
    assert caught.value.crash_report.limit is None
    assert (await neighbour).width == 160
    assert decoders.pids == ()


async def test_a_hanging_child_is_killed_at_its_time_limit(decoders: Decoders, folder: Path, stuck: Path) -> None:
    hanging = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=LIMIT_SECONDS))
    await until(lambda: decoders.pids)
    (pid,) = decoders.pids
    with pytest.raises(DecoderCrashed) as caught:
        await hanging
    assert caught.value.crash_report.limit is Limit.TIME
    assert not is_alive(pid)


async def test_a_cancelled_call_returns_only_after_its_child_has_ended(
    decoders: Decoders, folder: Path, stuck: Path
) -> None:
    cancelled = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
    await until(lambda: decoders.pids)
    (pid,) = decoders.pids
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert not is_alive(pid)
    assert decoders.pids == ()
    assert not names_in(folder)


async def test_a_template_that_cannot_kill_its_child_is_killed_itself(
    own_decoders: Decoders, folder: Path, stuck: Path
) -> None:
    hanging = asyncio.create_task(own_decoders.make_image(stuck, folder, limit_seconds=LIMIT_SECONDS))
    await until(lambda: own_decoders.pids)
    (pid,) = own_decoders.pids
    template = own_decoders.template_pid
    assert template is not None
    os.kill(template, signal.SIGSTOP)
    with pytest.raises(DecoderCrashed):
        await hanging
    await until(lambda: not is_alive(pid))
    assert not is_alive(template)


async def test_a_cancelled_call_leaves_no_child_of_a_stuck_template(
    own_decoders: Decoders, folder: Path, stuck: Path
) -> None:
    cancelled = asyncio.create_task(own_decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
    await until(lambda: own_decoders.pids)
    (pid,) = own_decoders.pids
    template = own_decoders.template_pid
    assert template is not None
    os.kill(template, signal.SIGSTOP)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert not is_alive(template)
    await until(lambda: not is_alive(pid))


async def test_after_its_template_crashed_the_next_photo_gets_a_new_one(
    own_decoders: Decoders, folder: Path, stuck: Path
) -> None:
    hanging = [
        asyncio.create_task(own_decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS)) for _ in range(2)
    ]
    await until(lambda: len(own_decoders.pids) == 2)
    pids, template = own_decoders.pids, own_decoders.template_pid
    assert template is not None
    os.kill(template, signal.SIGKILL)
    for outcome in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(outcome, DecoderCrashed)
    await until(lambda: not any(map(is_alive, pids)))
    result = await own_decoders.make_image(sample("private.jpg"), folder, limit_seconds=PLENTY_SECONDS)
    assert result.width == 160
    assert own_decoders.template_pid not in {None, template}


async def test_no_more_children_run_than_there_are_slots(decoders: Decoders, folder: Path, stuck: Path) -> None:
    waiting = [asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS)) for _ in range(5)]
    await until(lambda: len(decoders.pids) == 2)
    template = decoders.template_pid
    assert children_of(template) == sorted(decoders.pids)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert decoders.pids == ()


async def test_closing_ends_the_running_children(folder: Path, stuck: Path) -> None:
    async with started() as decoders:
        running = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
        await until(lambda: decoders.pids)
        pids, template = decoders.pids, decoders.template_pid
        assert template is not None
    with pytest.raises(DecoderCrashed):
        await running
    await until(lambda: not any(map(is_alive, (*pids, template))))


PARENT = """
import asyncio, sys
from pathlib import Path
from app.media.decoders import Decoders

decoders = Decoders.start(slots=1)

async def main():
    job = asyncio.create_task(decoders.make_image(Path(sys.argv[1]), Path(sys.argv[2]), limit_seconds=60))
    while not decoders.pids:
        await asyncio.sleep(0.01)
    print(decoders.template_pid, *decoders.pids, flush=True)
    await job

asyncio.run(main())
"""


async def test_no_child_outlives_a_killed_worker(folder: Path, stuck: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(stuck), str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(map(is_alive, pids))
    parent.kill()
    await parent.wait()
    await until(lambda: not any(map(is_alive, pids)))


async def test_template_and_child_inherit_no_environment_and_one_descriptor(
    decoders: Decoders, folder: Path, stuck: Path
) -> None:
    running = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
    await until(lambda: decoders.pids)
    (pid,) = decoders.pids
    await until(lambda: is_confined(pid))
    settings = environment_of(decoders.template_pid).removeprefix(b"GLIBC_TUNABLES=").split(b"\0")
    assert all(setting.startswith(b"glibc.malloc.") for setting in settings if setting)
    assert working_folder_of(pid) == folder
    # Input, output, errors, and the pipe for the report.
    assert len(names_in(process(pid) / "fd")) == 4
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_template_stays_single_threaded_after_decoding(decoders: Decoders, folder: Path) -> None:
    for name in ("baseline.jpg", "palette.png", "wide_gamut.webp"):
        await decoders.make_image(sample(name), folder, limit_seconds=PLENTY_SECONDS)
    assert len(names_in(process(decoders.template_pid) / "task")) == 1
    assert len(names_in(process(decoders.template_pid) / "fd")) == 4


async def test_a_file_beyond_the_size_limit_kills_its_child(folder: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.png"
    Image.effect_noise((600, 600), 90).save(big)
    async with started(Limits(file_bytes=10_000)) as decoders:
        with pytest.raises(DecoderCrashed) as caught:
            await decoders.make_image(big, folder, limit_seconds=PLENTY_SECONDS)
        assert (caught.value.crash_report.limit, caught.value.crash_report.signal) == (Limit.FILE_SIZE, "SIGXFSZ")
        assert not names_in(folder)
        small = await decoders.make_image(sample("orientation_1.jpg"), folder, limit_seconds=PLENTY_SECONDS)
        assert small.width == 120


async def test_a_child_out_of_memory_is_reported_as_too_large(folder: Path, tmp_path: Path) -> None:
    memory_bomb = tmp_path / "hungry.webp"
    Image.new("RGB", (6000, 4000), (120, 10, 200)).save(memory_bomb, lossless=True, method=0, quality=0)
    async with started(Limits(address_space_bytes=160 * 1024 * 1024)) as decoders:
        with pytest.raises(MediaError) as caught:
            await decoders.make_image(memory_bomb, folder, limit_seconds=PLENTY_SECONDS)
    assert caught.value.code is FailureCode.TOO_LARGE


async def test_a_child_out_of_cpu_seconds_reports_that_limit(folder: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.png"
    Image.new("P", (10_000, 9_000)).save(long, compress_level=1, transparency=0)  # is decoded to four bands
    async with started(Limits(cpu_seconds=1)) as decoders:
        with pytest.raises(DecoderCrashed) as caught:
            await decoders.make_image(long, folder, limit_seconds=PLENTY_SECONDS)
    crash_report = caught.value.crash_report
    assert (crash_report.limit, crash_report.signal) == (Limit.CPU, "SIGXCPU")
    assert isinstance(crash_report.probe, Probe)
    assert (crash_report.probe.format, crash_report.probe.width) == ("png", 10_000)
    assert crash_report.versions.keys() == {"python", "pyvips", "pyvips-binary"}
    assert str(tmp_path) not in repr(crash_report)


async def test_a_missing_source_is_an_internal_error_and_not_the_owners(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(DecoderCrashed) as caught:
        await decoders.make_image(tmp_path / "absent-secret.jpg", folder, limit_seconds=PLENTY_SECONDS)
    assert caught.value.crash_report.reason.startswith("crashed: FileNotFoundError at sniff.py:")
    assert "secret" not in repr(caught.value.crash_report)
