"""A child that becomes the encoder can only encode; code that takes the encoder over is confined, too."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import av
import pytest

from app.media.sandbox.confinement import ENCODER_LIMITS, prepare
from app.media.sandbox.system_calls import numbers
from tests.media import sandbox_actions
from tests.media.sandbox_actions import ENCODER, Ending, run_confined
from tests.media.test_sandbox import encoder_program
from tests.worker.restricted_kernel import take_away

Run = Callable[..., Ending]

# The start of a program that Python runs in the encoder's place: it prints the actions that were not refused.
LIBC = """
import ctypes, os, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
def call(number, *words):
    return libc.syscall(ctypes.c_long(number), *[ctypes.c_long(w) if isinstance(w, int) else w for w in words])
def tried(name, result):
    if result not in (-1, None, 2 ** 64 - 1):
        os.write(1, (name + ";").encode())
def attempt(name, deed):
    try:
        deed()
        tried(name, 0)
    except OSError:
        pass
words = (ctypes.c_char_p * 4)(b"sh", b"-c", b"echo started", None)
"""


@pytest.fixture(scope="module", params=["nothing"])
def small_process(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    """A small process as in test_sandbox.py; its parameter names what the kernel lacks."""
    with ProcessPoolExecutor(1, get_context("spawn"), _begin, (request.param,)) as pool:
        pool.submit(os.getpid).result()  # start it here: it belongs to the module
        yield pool


def _begin(missing: str) -> None:
    prepare()
    take_away(missing)


with_and_without_landlock = pytest.mark.parametrize("small_process", ["nothing", "landlock"], indirect=True)
"""A seccomp filter cannot read a path: without Landlock it alone must prevent the start of other programs."""


@pytest.fixture
def sample_video(tmp_path: Path) -> Path:
    """Two seconds of video."""
    file = tmp_path / "film.mp4"
    with av.open(file, "w") as container:
        image = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        image.width, image.height, image.pix_fmt = 320, 180, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for index, plane in enumerate(frame.planes):
                plane.update(bytes([(number * 5 + index) % 256]) * plane.buffer_size)
            container.mux(image.encode(frame))
        container.mux(image.encode(None))
    return file


@pytest.fixture
def encoder(small_process: ProcessPoolExecutor, folder: Path, sample_video: Path) -> Run:
    """Return a function that runs the encoder, or another program in its place, with these arguments."""

    def run(*arguments: str, program: Path | None = None) -> Ending:
        action = partial(sandbox_actions.encode, *arguments)
        where = program or encoder_program()
        return small_process.submit(run_confined, action, folder, sample_video, ENCODER_LIMITS, where).result()

    return run


def taken_over(encoder: Run, code: str) -> Ending:
    return encoder("-I", "-S", "-c", LIBC + code, program=Path(sys.executable).resolve())


def test_it_encodes_a_video_in_several_threads(encoder: Run, sample_video: Path, folder: Path) -> None:
    ending = encoder("-v", "error", "-i", str(sample_video), "-c:v", "libx264", "-threads", "4", "made.mp4")
    assert ending.exit_code == 0, ending
    with av.open(folder / "made.mp4") as made:
        assert sum(1 for _ in made.decode(video=0)) == 50


def test_it_writes_segments_and_moves_them_into_place(encoder: Run, sample_video: Path, folder: Path) -> None:
    segments = ("-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4", "-hls_flags", "temp_file", "list.m3u8")
    assert encoder("-v", "error", "-i", str(sample_video), "-g", "25", *segments).exit_code == 0
    assert {path.suffix for path in folder.iterdir()} == {".m3u8", ".mp4", ".m4s"}


def test_it_reads_no_file_but_its_source(encoder: Run, sample_video: Path, folder: Path) -> None:
    another = sample_video.with_name("another.mp4")
    another.write_bytes(sample_video.read_bytes())
    assert encoder("-v", "error", "-i", str(another), "made.mp4").exit_code != 0
    assert list(folder.iterdir()) == []


def test_it_writes_no_file_outside_its_folder(encoder: Run, sample_video: Path) -> None:
    assert encoder("-v", "error", "-i", str(sample_video), str(sample_video.with_name("made.mp4"))).exit_code != 0
    assert not sample_video.with_name("made.mp4").exists()


def test_it_reaches_no_network(encoder: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        assert encoder("-v", "error", "-i", f"http://127.0.0.1:{port}/film.mp4", "made.mp4").exit_code != 0
        with pytest.raises(BlockingIOError):
            server.accept()


def test_code_in_the_encoders_place_runs_at_all(encoder: Run) -> None:
    assert taken_over(encoder, 'tried("here", 0)') == Ending(0, "here;")


@with_and_without_landlock
def test_code_in_the_encoders_place_starts_no_program(encoder: Run, folder: Path) -> None:
    own = folder / "own"
    own.write_bytes(Path("/bin/sh").resolve().read_bytes())
    own.chmod(0o755)
    execveat, empty_path = numbers()["execveat"], 0x1000
    code = f"""
for path in (b"/bin/sh", {bytes(own)!r}):
    tried("absolute", call({execveat}, {ENCODER}, path, words, None, {empty_path}))
    attempt("exec", lambda: os.execv(path, ["sh", "-c", "echo started"]))
    try:
        os.dup2(os.open(path, os.O_RDONLY), {ENCODER})
    except OSError:
        continue
    tried("descriptor", call({execveat}, {ENCODER}, b"", words, None, {empty_path}))
    tried("as allowed", call({execveat}, {ENCODER}, 0x10000, words, None, {empty_path}))
attempt("fork", os.fork)
"""
    assert taken_over(encoder, code) == Ending(0, "")


@with_and_without_landlock
def test_code_in_the_encoders_place_cannot_map_a_path_where_the_filter_expects_one(encoder: Run) -> None:
    mmap, mremap = numbers()["mmap"], numbers()["mremap"]
    code = f"""
for start in (0x10000, 0x1000, 0x8000):
    for fixed in (0, 0x10, 0x100000):
        where = call({mmap}, start, 0x20000, 3, 0x22 | fixed, -1, 0)
        tried("mapped", where)
page = call({mmap}, 0, 4096, 3, 0x22, -1, 0)
tried("moved", call({mremap}, page, 4096, 4096, 3, 0x10000))
if page > 0:
    os.write(1, b"a page elsewhere")
"""
    assert taken_over(encoder, code) == Ending(0, "a page elsewhere")


def test_code_in_the_encoders_place_is_as_confined_as_every_child(encoder: Run, sample_video: Path) -> None:
    sample_video.with_name("secret").write_bytes(b"another account's film")
    code = f"""
import resource
attempt("read", lambda: open({str(sample_video.with_name("secret"))!r}).read())
attempt("list", lambda: os.listdir("/"))
attempt("write", lambda: open({str(sample_video.with_name("written"))!r}, "w"))
attempt("signal", lambda: os.kill(os.getppid(), 0))
attempt("group", os.setsid)
for number in {[numbers()[name] for name in ("prlimit64", "capset") if name in numbers()]}:
    tried("limits", call(number, 0, 9, words, None))
tried("socket", call({41 if "open" in numbers() else 198}, 2, 1, 0))
"""
    assert taken_over(encoder, code) == Ending(0, "")
