"""A full disk is reported as such, however the child ends: never as a fault of the file."""

import asyncio
import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import pyvips
from PIL import Image

from app.media.decoders import Decoders
from app.media.image.errors import decoding_errors
from app.media.results import DecoderCrashed, Loop
from app.media.sandbox.confinement import Limits
from app.media.sandbox.outcome import require_disk
from app.media.sandbox.protocol import EXIT_MADE, EXIT_NO_SPACE, JobEnded, StartJob
from app.media.space import MIN_FREE_BYTES_OF_LADDERS, is_full
from app.media.video.encoding import Encoding
from app.media.video.files import ends_with_box
from app.media.video.watch import Implausible, LadderWatch
from tests.media.sample_images import sample
from tests.media.test_decoders import PLENTY_SECONDS, until
from tests.media.video.made import make_all
from tests.media.video.sample_videos import AAC, H264, SOUND, encode, image
from tests.small_disk import fill, free, small_disk

KIB = 1024
LOOP = Loop(frames=2, width=60, height=40, step_ticks=10, duration_seconds=0.2)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    encode(path, *image(size="640x360", rate=10, duration=8), *SOUND, *H264, *AAC)
    return path


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", request.param) as mounted:
        yield mounted


def sized(*kibibytes: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("disk", [each * KIB for each in kibibytes], indirect=True)


@pytest.mark.parametrize(
    "disk",
    [
        pytest.param(330 * KIB),
        *(pytest.param(size * KIB, marks=pytest.mark.tier("full", "full disks")) for size in (40, 180, 240, 300)),
    ],
    indirect=True,
)
async def test_a_video_on_a_full_disk_is_not_damaged(decoders: Decoders, clip: Path, disk: Path) -> None:
    """The files stay if the encoder has not noticed and exited with 0; the attempt then removes its folder."""
    with pytest.raises(OSError, check=is_full):
        await make_all(decoders, clip, disk)


@sized(8)
async def test_a_poster_on_a_full_disk_is_not_damaged(decoders: Decoders, clip: Path, disk: Path) -> None:
    facts = await decoders.probe_video(clip, disk, limit_seconds=PLENTY_SECONDS)
    with pytest.raises(OSError, check=is_full):
        await decoders.make_poster(clip, disk, facts, limit_seconds=PLENTY_SECONDS)


@sized(4)
async def test_a_photo_and_an_animation_on_a_full_disk_are_not_damaged(
    decoders: Decoders, disk: Path, tmp_path: Path
) -> None:
    with pytest.raises(OSError, check=is_full):
        await decoders.make_image(sample("private.jpg"), disk, limit_seconds=PLENTY_SECONDS)
    source = tmp_path / "source.gif"
    frames = [Image.effect_noise((60, 40), 90) for _ in range(2)]
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(OSError, check=is_full):
        await decoders.make_loop(source, disk, LOOP, limit_seconds=PLENTY_SECONDS)


@sized(4)
async def test_a_child_reports_a_full_disk_by_its_exit_code(decoders: Decoders, disk: Path) -> None:
    """It counts even if others free the space before the worker measures it."""
    job = decoders._children.begin(StartJob(0, str(sample("private.jpg")), str(disk), Limits()))
    ended = await job.ended
    await decoders._children.end(job)
    assert isinstance(ended, JobEnded)
    assert ended.exit_code == EXIT_NO_SPACE


@pytest.mark.tier("full", "full disks")
@sized(20 * KIB)
async def test_a_full_disk_under_libvips_temporary_file_is_not_a_damaged_photo(
    decoders: Decoders, disk: Path, tmp_path: Path
) -> None:
    source = tmp_path / "large.webp"
    Image.new("RGB", (8000, 6000), (120, 10, 200)).save(source, lossless=True, method=0, quality=0)
    job = decoders._children.begin(StartJob(0, str(source), str(disk), Limits()))
    ended = await job.ended
    await decoders._children.end(job)
    assert isinstance(ended, JobEnded)
    assert ended.exit_code == EXIT_NO_SPACE


@pytest.mark.parametrize(
    ("exit_code", "stderr"),
    [
        (EXIT_NO_SPACE, ""),
        (256 - errno.EDQUOT, ""),
        (1, "[out] No space left on device"),
        (1, "[out] Disk quota exceeded"),
    ],
)
def test_a_disk_that_was_full_is_recognised_after_it_has_space_again(
    tmp_path: Path, exit_code: int, stderr: str
) -> None:
    with pytest.raises(OSError, check=is_full):
        require_disk(JobEnded(1, exit_code, 0.1, 0.1, "", stderr), tmp_path)
    require_disk(JobEnded(1, 1, 0.1, 0.1, "", "a damaged file"), tmp_path)


def test_an_exhausted_quota_under_libvips_temporary_file_is_not_a_damaged_photo() -> None:
    with pytest.raises(OSError, check=is_full), decoding_errors():
        raise pyvips.Error("unable to write to file", "unix error: Disk quota exceeded")


async def test_segments_truncated_by_a_disk_that_was_full_unseen_are_not_accepted(
    decoders: Decoders, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"  # long enough to pause its encoder after the second segment
    await asyncio.to_thread(encode, clip, *image(size="640x360", rate=10, duration=40), *SOUND, *H264, *AAC)
    with small_disk(tmp_path / "disk", MIN_FREE_BYTES_OF_LADDERS + 16 * KIB * KIB) as disk:
        facts = await decoders.probe_video(clip, disk, limit_seconds=PLENTY_SECONDS)
        fill(disk, leave_bytes=60 * KIB)
        async with decoders.encode_video(clip, disk, facts) as encoding:
            await until(lambda: list(disk.glob("*_00001.m4s")))
            os.kill(decoders.pids[0], signal.SIGSTOP)
            free(disk)
            os.kill(decoders.pids[0], signal.SIGCONT)
            assert await ended_with(encoding) == EXIT_MADE
            with pytest.raises(DecoderCrashed, match="unexpected files"):
                async for _ in encoding:
                    pass


async def test_an_exhausted_quota_that_the_encoder_did_not_report_is_not_a_crash(
    decoders: Decoders, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`statvfs` shows no quota: an attempt to allocate does."""
    monkeypatch.setattr(os, "posix_fallocate", exhausted_quota)
    facts = await decoders.probe_video(clip, tmp_path, limit_seconds=PLENTY_SECONDS)
    async with decoders.encode_video(clip, tmp_path, facts) as encoding:
        assert await ended_with(encoding) == EXIT_MADE
        (tmp_path / "180p_00001.m4s").write_bytes(b"")
        with pytest.raises(OSError, check=is_full):
            async for _ in encoding:
                pass


async def test_files_that_an_exhausted_quota_may_have_truncated_are_not_accepted(
    decoders: Decoders, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.gif"
    frames = [Image.effect_noise((60, 40), 90) for _ in range(2)]
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(os, "posix_fallocate", exhausted_quota)
    with pytest.raises(OSError, check=is_full):
        await decoders.make_loop(source, folder, LOOP, limit_seconds=PLENTY_SECONDS)
    with pytest.raises(OSError, check=is_full):
        await make_all(decoders, clip, folder)


def exhausted_quota(*_: object) -> None:
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


async def ended_with(encoding: Encoding) -> int:
    ended = await encoding._ended
    assert isinstance(ended, JobEnded)
    return ended.exit_code


@pytest.mark.parametrize("cut", ["180p_init.mp4", "180p_00001.m4s", "180p.list"])
def test_a_truncated_file_of_a_rung_is_implausible(tmp_path: Path, cut: str) -> None:
    rung = SimpleNamespace(name="180p")
    watch = LadderWatch(tmp_path, (rung,))  # type: ignore[arg-type]  # it uses the name only
    (tmp_path / "180p_init.mp4").write_bytes(box(b"ftyp", b"") + box(b"moov", b"index"))
    for number in range(2):
        (tmp_path / f"180p_0000{number}.m4s").write_bytes(box(b"styp", b"iso") + box(b"mdat", b"x" * 100))
    listed = [f"#EXTINF:2.000000,\n180p_0000{number}.m4s\n" for number in range(2)]
    (tmp_path / "180p.list").write_text("".join(listed))
    if cut == "180p.list":
        assert len(watch.poll()) == 4
        (tmp_path / cut).write_text(listed[0])
    else:
        (tmp_path / cut).write_bytes((tmp_path / cut).read_bytes()[:-1])
    with pytest.raises(Implausible):
        watch.poll()


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def test_a_file_of_boxes_is_complete_with_its_last_byte_only(tmp_path: Path) -> None:
    path, whole = tmp_path / "segment.m4s", box(b"styp", b"iso") + box(b"moof", b"index") + box(b"mdat", b"x" * 100)
    path.write_bytes(whole)
    assert ends_with_box(path, b"mdat")
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert not ends_with_box(path, b"mdat")
    path.write_bytes(box(b"free", b"") * 100_000 + whole)
    assert not ends_with_box(path, b"mdat"), "no encoder writes so many"
