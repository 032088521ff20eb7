"""An animation becomes stills of its first frame and a muted video with the same frame durations."""

import asyncio
import os
import signal
from pathlib import Path

import av
import pytest
from PIL import Image

from app.media.decoders import Decoders
from app.media.recipe import LOOP, RECIPE
from app.media.results import DecoderCrashed, Loop, MediaError, MediaResult, RenditionFile
from darkroom_shared.items import FailureCode, ItemKind
from tests.media.sample_images import BLUE, GREEN, RED, WHITE, Colour, are_close, sample
from tests.media.test_decoders import LIMIT_SECONDS, PLENTY_SECONDS, is_alive, names_in, until

FORMATS = ["GIF", "WEBP"]
SIZE = (61, 40)


def animated(folder: Path, file_format: str, colours: list[Colour], milliseconds: list[int]) -> Path:
    source = folder / "source"
    first, *rest = [Image.new("RGB" if len(colour) == 3 else "RGBA", SIZE, colour) for colour in colours]
    first.save(source, file_format, save_all=True, append_images=rest, duration=milliseconds, loop=0, disposal=2)
    return source


async def make(decoders: Decoders, source: Path, folder: Path) -> tuple[MediaResult, RenditionFile]:
    made = await decoders.make_image(source, folder, limit_seconds=PLENTY_SECONDS)
    assert made.loop is not None
    return made, await decoders.make_loop(source, folder, made.loop, limit_seconds=PLENTY_SECONDS)


def durations(video: Path) -> list[tuple[float, Colour]]:
    """Return the times at which the video changes its colour, with the new colours."""
    changes: list[tuple[float, Colour]] = []
    with av.open(str(video)) as container:
        assert not container.streams.audio
        for frame in container.decode(video=0):
            red, green, blue = frame.to_ndarray(format="rgb24").mean(axis=(0, 1))
            colour = (round(red), round(green), round(blue))
            assert frame.time is not None
            if not changes or not are_close([changes[-1][1]], [colour], tolerance=40):
                changes.append((round(frame.time, 3), colour))
    return changes


@pytest.mark.parametrize("file_format", FORMATS)
async def test_an_animation_becomes_stills_and_a_video(
    file_format: str, decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    source = animated(tmp_path, file_format, [RED, GREEN, BLUE], [200, 500, 300])
    made, video = await make(decoders, source, folder)
    assert (made.kind, made.width, made.height) == (ItemKind.VIDEO, *SIZE)
    assert made.loop == Loop(frames=3, width=60, height=40, step_ticks=10, duration_seconds=1.0)
    assert (video.name, video.file, video.content_type, video.width, video.height) == (
        "video",
        "video.mp4",
        "video/mp4",
        60,
        40,
    )
    assert names_in(folder) == {*(recipe.file for recipe in RECIPE), "video.mp4"}
    times, colours = zip(*durations(folder / "video.mp4"), strict=True)
    assert times == (0.0, 0.2, 0.7)
    assert are_close(colours, [RED, GREEN, BLUE], tolerance=12)
    with Image.open(folder / "large.webp") as still:
        assert are_close([still.convert("RGB").getpixel((30, 20))], [RED], tolerance=8)  # type: ignore[list-item]  # a tuple in this mode


async def test_the_video_is_playable_before_it_is_complete(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    await make(decoders, animated(tmp_path, "GIF", [RED, GREEN], [100, 100]), folder)
    content = (folder / "video.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


async def test_transparent_pixels_are_white_in_the_video(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    await make(decoders, animated(tmp_path, "WEBP", [(255, 0, 0, 255), (0, 0, 0, 0)], [200, 200]), folder)
    assert are_close([colour for _, colour in durations(folder / "video.mp4")], [RED, WHITE], tolerance=12)


async def test_a_frame_without_a_duration_lasts_as_in_browsers(
    decoders: Decoders, folder: Path, tmp_path: Path
) -> None:
    made, _ = await make(decoders, animated(tmp_path, "GIF", [RED, GREEN], [0, 10]), folder)
    assert made.loop is not None
    assert made.loop.duration_seconds == 0.2


@pytest.mark.parametrize("name", ["orientation_1.jpg", "lossy.webp", "rgb16.png"])
async def test_a_single_frame_has_no_video(name: str, decoders: Decoders, folder: Path) -> None:
    made = await decoders.make_image(sample(name), folder, limit_seconds=PLENTY_SECONDS)
    assert (made.kind, made.loop) == (ItemKind.IMAGE, None)


async def test_an_animation_longer_than_the_maximum_is_cut(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    source = animated(tmp_path, "WEBP", [RED, GREEN, BLUE], [1000, LOOP.most_seconds * 1000, 1000])
    made, _ = await make(decoders, source, folder)
    assert made.loop is not None
    assert (made.loop.frames, made.loop.duration_seconds) == (2, LOOP.most_seconds)


async def test_a_broken_frame_refuses_the_animation(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    source = animated(tmp_path, "WEBP", [RED, GREEN, BLUE], [100, 100, 100])
    content = bytearray(source.read_bytes())
    last = content.rindex(b"VP8 ") + 8
    content[last + 3 : last + 6] = b"\0\0\0"  # the start code of its only key frame
    source.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        await make(decoders, source, folder)
    assert caught.value.code is FailureCode.DAMAGED
    assert not names_in(folder)


LOOP_OF_ITS_OWN = Loop(frames=2, width=60, height=40, step_ticks=10, duration_seconds=0.2)


@pytest.fixture
def stuck(tmp_path: Path) -> Path:
    source = tmp_path / "stuck.gif"
    os.mkfifo(source)
    return source


@pytest.mark.parametrize("place", [0, 1], ids=["decoder", "encoder"])
async def test_both_children_end_when_one_of_them_crashes(
    place: int, decoders: Decoders, folder: Path, stuck: Path
) -> None:
    making = asyncio.create_task(decoders.make_loop(stuck, folder, LOOP_OF_ITS_OWN, limit_seconds=PLENTY_SECONDS))
    await until(lambda: len(decoders.pids) == 2)
    pids = decoders.pids
    os.kill(pids[place], signal.SIGKILL)
    with pytest.raises(DecoderCrashed):
        await making
    assert not any(map(is_alive, pids))


async def test_both_children_end_at_the_time_limit(decoders: Decoders, folder: Path, stuck: Path) -> None:
    making = asyncio.create_task(decoders.make_loop(stuck, folder, LOOP_OF_ITS_OWN, limit_seconds=LIMIT_SECONDS))
    await until(lambda: len(decoders.pids) == 2)
    pids = decoders.pids
    with pytest.raises(DecoderCrashed):
        await making
    assert not any(map(is_alive, pids))
    assert decoders.pids == ()


async def test_a_cancelled_call_returns_only_after_both_children_have_ended(
    decoders: Decoders, folder: Path, stuck: Path
) -> None:
    making = asyncio.create_task(decoders.make_loop(stuck, folder, LOOP_OF_ITS_OWN, limit_seconds=PLENTY_SECONDS))
    await until(lambda: len(decoders.pids) == 2)
    pids = decoders.pids
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert not any(map(is_alive, pids))
