"""The template's children, seen from outside: how they are confined, and that they still read every format."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from app.media.decoders import Decoders
from app.media.results import DecoderCrashed, Limit
from app.media.sandbox.confinement import ENCODER_LIMITS, MIB, Limits
from app.media.sandbox.outcome import result_of
from app.media.sandbox.protocol import JobEnded, RunEncoder, StartJob
from app.media.sandbox.template_process import LAUNCH, ROOT, TemplateProcess
from tests.media.sample_images import FILES, make, sample

PLENTY_SECONDS = 60.0
SAMPLES = sorted(path.name for path in FILES.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


# Simulates a busy machine: a child ends, or becomes the encoder, before the template's next line.
HELD_UP = """
import os
set_group = os.setpgid
def late(process, group):
    try:
        while process and os.readlink(f"/proc/{process}/exe") == os.readlink("/proc/self/exe"):
            os.sched_yield()
    except (FileNotFoundError, ProcessLookupError):
        pass
    set_group(process, group)
os.setpgid = late
"""


def held_up_template() -> TemplateProcess:
    ours, child_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with child_status:
        command = [sys.executable, "-I", "-c", HELD_UP + LAUNCH, str(ROOT), str(child_status.fileno())]
        process = subprocess.Popen(command, pass_fds=(child_status.fileno(),), start_new_session=True)  # noqa: S603  # our own
    return TemplateProcess(process, ours)


async def test_a_child_that_already_is_the_encoder_does_not_end_the_template(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    template = held_up_template()
    decoders = Decoders(1, 1, Limits(), template)
    try:
        assert await decoders.check_sandbox(tmp_path, folder, limit_seconds=PLENTY_SECONDS) == frozenset()
        assert decoders.template_pid == template.pid
    finally:
        await decoders.aclose()


async def test_the_kernel_reports_that_a_child_is_confined(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck.jpg"
    os.mkfifo(stuck)  # opening it blocks forever
    waiting = asyncio.create_task(decoders.make_image(stuck, folder, limit_seconds=PLENTY_SECONDS))
    await until(lambda: decoders.pids and status_of(decoders.pids[0])["Seccomp"] == "2")
    status = status_of(decoders.pids[0])
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert status["NoNewPrivs"] == "1"
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Inh", "Amb")} == {0}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PLENTY_SECONDS):
        while not condition():  # noqa: ASYNC110  no event of another process
            await asyncio.sleep(0.01)


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def test_total_output_is_limited_even_if_each_file_is_small(decoders: Decoders, folder: Path) -> None:
    """Run an encoder that writes images without end, one file each."""
    template = decoders.template_pid
    endless = ("-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360", "-f", "image2", "%d.bmp")
    request = StartJob(0, str(folder), str(folder), replace(ENCODER_LIMITS, output_bytes=MIB), RunEncoder(endless))
    ended = await decoders._run(request, PLENTY_SECONDS, asyncio.Semaphore(1))
    assert ended.exit_code == -signal.SIGXFSZ
    assert os.listdir(folder) == []  # noqa: PTH208  pathlib counts as blocking here
    assert decoders.template_pid == template


async def test_every_sample_is_the_same_with_and_without_the_sandbox(decoders: Decoders, tmp_path: Path) -> None:
    for name in SAMPLES:
        confined, free = tmp_path / f"{name}.confined", tmp_path / f"{name}.free"
        confined.mkdir()
        free.mkdir()
        made = await decoders.make_image(sample(name), confined, limit_seconds=PLENTY_SECONDS)
        assert (name, made.renditions) == (name, make(sample(name), free).renditions)


@pytest.mark.parametrize("suffix", [".heic", ".avif", ".tif", ".gif"])
async def test_other_formats_are_read_in_the_sandbox(
    decoders: Decoders, folder: Path, tmp_path: Path, suffix: str
) -> None:
    source = tmp_path / f"photo{suffix}"
    with Image.open(sample("baseline.jpg")) as image:
        if suffix == ".heic":
            pillow_heif.from_pillow(image).save(source)
        else:
            image.save(source)
        size = image.size
    made = await decoders.make_image(source, folder, limit_seconds=PLENTY_SECONDS)
    assert (made.width, made.height) == size


def test_the_crash_report_names_a_forbidden_system_call() -> None:
    request = StartJob(1, "source", "folder", Limits())
    with pytest.raises(DecoderCrashed) as caught:
        result_of(JobEnded(1, -signal.SIGSYS, 0.1, 0.1, "", ""), request)
    assert caught.value.crash_report.signal == "SIGSYS"
    assert caught.value.crash_report.limit is Limit.SYSTEM_CALL
