"""Progress of an encode, its end, and the cleanup after a failed one."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from app.media.decoders import Decoders
from app.media.results import DecoderCrashed, EncodeProgress, MediaError, VideoFacts
from app.media.video.recipe import ladder_of
from app.media.video.watch import Implausible, LadderWatch
from darkroom_shared.items import FailureCode
from tests.media.video.made import PLENTY_SECONDS, files_in, frames, make_all
from tests.media.video.sample_videos import AAC, H264, IMAGE, SOUND, MakeVideo, encode, image


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is never encoded completely."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    encode(path, *image(size="640x360", duration=60), *SOUND, *H264, *AAC)
    return path


async def probed(decoders: Decoders, source: Path, folder: Path) -> VideoFacts:
    return await decoders.probe_video(source, folder, limit_seconds=PLENTY_SECONDS)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_files_are_reported_once_and_whole_before_their_playlist(
    decoders: Decoders, video: MakeVideo, folder: Path
) -> None:
    source = video("plain")
    facts = await probed(decoders, source, folder)
    reported: list[EncodeProgress] = []
    known: set[str] = set()
    async with decoders.encode_video(source, folder, facts) as encoding:
        async for progress in encoding:
            reported.append(progress)
            for path in progress.files:
                if path.suffix == ".m3u8":
                    named = {line for line in path.read_text().splitlines() if not line.startswith("#")}
                    assert named <= known
                else:
                    assert path.name not in known
                    assert path.stat().st_size > 0
                    known.add(path.name)
    seconds = [progress.encoded_seconds for progress in reported]
    assert seconds == sorted(seconds)
    assert seconds[-1] == pytest.approx(5.0, abs=0.1)
    assert {"storyboard.jpg", "storyboard.vtt", "180p_init.mp4", "180p_00000.m4s", "180p_00002.m4s"} <= known
    assert [rendition.name for rendition in encoding.renditions] == ["storyboard", "storyboard_track"]
    assert encoding.cpu_seconds > 0


async def test_encoded_seconds_count_from_the_first_playable_segment(
    decoders: Decoders, long_video: Path, folder: Path
) -> None:
    """Progress counts from the first segment on, so that the percentage keeps moving."""
    facts = await probed(decoders, long_video, folder)
    async with decoders.encode_video(long_video, folder, facts) as encoding:
        async for progress in encoding:
            if any(path.suffix == ".m3u8" for path in progress.files):
                break
    assert 2.0 <= progress.encoded_seconds < facts.duration_seconds


async def test_leaving_the_block_ends_the_encoder(decoders: Decoders, long_video: Path, folder: Path) -> None:
    facts = await probed(decoders, long_video, folder)
    async with decoders.encode_video(long_video, folder, facts) as encoding:
        async for progress in encoding:
            if progress.files:
                break
        (pid,) = decoders.pids
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert not is_alive(pid)
    assert decoders.pids == ()


async def test_cancelling_the_task_ends_the_encoder(decoders: Decoders, long_video: Path, folder: Path) -> None:
    facts, began = await probed(decoders, long_video, folder), asyncio.Event()

    async def work() -> None:
        async with decoders.encode_video(long_video, folder, facts) as encoding:
            async for _ in encoding:
                began.set()

    task = asyncio.create_task(work())
    async with asyncio.timeout(PLENTY_SECONDS):
        await began.wait()
    (pid,) = decoders.pids
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(pid)


async def test_an_encoder_crash_report_has_command_and_versions_and_no_user_data(
    decoders: Decoders, long_video: Path, folder: Path
) -> None:
    facts = await probed(decoders, long_video, folder)

    async def crash() -> None:
        crashed = False
        async with decoders.encode_video(long_video, folder, facts) as encoding:
            async for progress in encoding:
                if progress.files and not crashed:
                    os.kill(decoders.pids[0], signal.SIGSEGV)
                    crashed = True

    with pytest.raises(DecoderCrashed) as caught:
        await crash()
    crash_report = caught.value.crash_report
    assert crash_report.signal == "SIGSEGV"
    assert crash_report.command[0] == "ffmpeg"
    assert "-filter_complex" in crash_report.command
    assert crash_report.versions.keys() == {"python", "imageio-ffmpeg", "ffmpeg"}
    assert isinstance(crash_report.probe, VideoFacts)
    assert long_video.name not in repr(crash_report)
    assert files_in(folder) == []


async def test_a_late_truncated_video_is_encoded_as_far_as_possible(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    encode(whole, *IMAGE, *SOUND, *H264, "-g", "15", *AAC, "-movflags", "+faststart")
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 4])
    made = await make_all(decoders, cut, folder)
    assert 75 <= len(frames(folder / "video.mp4")) <= 140
    assert made.storyboard


async def test_an_early_truncated_video_is_refused_with_a_plain_message(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    encode(whole, *IMAGE, *SOUND, *H264, "-g", "15", *AAC, "-movflags", "+faststart")
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 4])
    with pytest.raises(MediaError) as caught:
        await make_all(decoders, cut, folder)
    assert caught.value.code is FailureCode.DAMAGED
    assert caught.value.message.startswith("This video is damaged")


LISTS = {
    "another file": "#EXTINF:2.000000,\n/etc/passwd\n",
    "a segment out of order": "#EXTINF:2.000000,\n180p_00001.m4s\n",
    "a segment that is a symbolic link": "#EXTINF:2.000000,\n180p_00000.m4s\n",
    "a segment that lasts too long": "#EXTINF:9.000000,\n180p_00000.m4s\n",
}


@pytest.mark.parametrize("kind", LISTS)
async def test_a_compromised_encoder_cannot_name_files_of_its_choice(
    decoders: Decoders, video: MakeVideo, folder: Path, kind: str
) -> None:
    facts = await probed(decoders, video("plain"), folder)
    watch = LadderWatch(folder, ladder_of(facts))
    (folder / "180p_init.mp4").write_bytes(b"initialisation")
    (folder / "180p_00000.m4s").symlink_to("/etc/passwd")
    (folder / "180p.list").write_text("#EXTM3U\n" + LISTS[kind])
    with pytest.raises(Implausible):
        watch.poll()
