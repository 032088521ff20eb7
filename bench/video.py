"""Compare CPU seconds of our whole video job with one ffmpeg command, written by hand, that makes the same files.

Ours is probe, poster, ladder, storyboard and MP4, each in a sandboxed child of its own, plus the worker's cost of
watching them; 30 s of 1080p. The command uses the same presets and sizes and writes the largest rung as HLS and as
MP4 in one pass.
"""

import asyncio
import resource
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imageio_ffmpeg

from app.media.decoders import Decoders
from app.media.video.recipe import AUDIO_BITS_PER_SECOND, QUALITIES, SEGMENT_SECONDS
from bench.sample_videos import make_video
from bench.scale import scaled

FIGURES = ("video_vs_ffmpeg",)

SECONDS = scaled(30, minimum=6)
REPEATS = 2
PLENTY_SECONDS = 600.0
RUNGS = ((640, 360), (1280, 720), (1920, 1080))
TILES, COLUMNS = SECONDS, 10


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-video-") as name:
        video = make_video(Path(name), SECONDS)
        idle = _spent(partial(asyncio.run, _ours(Path(name), None)))
        ours, by_hand = [], []
        for number in range(REPEATS):
            place = Path(name) / f"ours_{number}"
            place.mkdir()
            ours.append(_spent(partial(asyncio.run, _ours(place, video))) - idle)
            by_hand.append(_spent(partial(_by_hand, Path(name) / f"hand_{number}", video)))
        print(f"ours {min(ours):.2f} CPU s, by hand {min(by_hand):.2f} CPU s, of {SECONDS} s of 1080p")
        print(f"figure video_vs_ffmpeg {min(ours) / min(by_hand):.3f}")


def _spent(work: Callable[[], None]) -> float:
    """Return the CPU seconds of this process and of all child processes that it has waited for."""
    before = _cpu_seconds()
    work()
    return _cpu_seconds() - before


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def _ours(folder: Path, video: Path | None) -> None:
    """Make all files of the video. Without a video only start the template, which a worker does once in its life."""
    decoders = Decoders.start(slots=1)
    try:
        if video is None:
            return
        facts = await decoders.probe_video(video, folder, limit_seconds=PLENTY_SECONDS)
        await decoders.make_poster(video, folder, facts, limit_seconds=PLENTY_SECONDS)
        async with decoders.encode_video(video, folder, facts) as encoding:
            async for _ in encoding:
                pass
        await decoders.join_video(folder, facts, limit_seconds=PLENTY_SECONDS)
    finally:
        await decoders.aclose()


def _by_hand(folder: Path, video: Path) -> None:
    folder.mkdir()
    small, medium, large = (f"scale={width}:{height}" for width, height in RUNGS)
    tile = f"fps=1,scale=160:90,tile={COLUMNS}x{-(-TILES // COLUMNS)}"
    graph = (
        f"[0:v]split=4[a][b][c][p];[a]{large}[v2];[b]{medium}[v1];[c]{small},split=2[v0][t];[t]{tile}[tiles];"
        "[p]select='eq(n,30)'[poster]"
    )
    words = ["-nostdin", "-v", "error", "-i", str(video), "-filter_complex", graph]
    for number, (_, height) in enumerate(RUNGS):
        words += ["-map", f"[v{number}]", "-map", "0:a", *_coding(height), *_muxing(height)]
    words += ["-map", "[tiles]", "-frames:v", "1", "-q:v", "5", "-update", "1", "storyboard.jpg"]
    words += ["-map", "[poster]", "-frames:v", "1", "-update", "1", "poster.png"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words], check=True, cwd=folder)  # noqa: S603 - our own command


def _coding(height: int) -> list[str]:
    quality = next(quality for quality in QUALITIES if height <= quality.edge)
    rate = [f"{kilobits}k" for kilobits in (quality.most_kilobits, 2 * quality.most_kilobits)]
    words = ["-c:v", "libx264", "-preset", quality.preset, "-crf", str(quality.crf), "-maxrate", rate[0]]
    words += ["-bufsize", rate[1], "-sc_threshold", "0", "-g", str(30 * SEGMENT_SECONDS), "-flags", "+global_header"]
    return [*words, "-c:a", "aac", "-b:a", str(AUDIO_BITS_PER_SECOND), "-ac", "2"]


def _muxing(height: int) -> list[str]:
    options = {
        "f": "hls",
        "hls_time": str(SEGMENT_SECONDS),
        "hls_list_size": "0",
        "hls_segment_type": "fmp4",
        "hls_playlist_type": "event",
        "hls_fmp4_init_filename": f"{height}_init.mp4",
        "hls_segment_filename": f"{height}_%05d.m4s",
    }
    if height != RUNGS[-1][1]:
        return [*(word for name, value in options.items() for word in (f"-{name}", value)), f"{height}.m3u8"]
    hls = ":".join(f"{name}={value}" for name, value in options.items())
    return ["-f", "tee", f"[{hls}]{height}.m3u8|[f=mp4:movflags=+faststart]video.mp4"]


if __name__ == "__main__":
    main()
