"""Small videos of every common kind, made by the encoder itself."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg

MakeVideo = Callable[[str], Path]
"""Returns a video by its name."""

IMAGE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=5")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:duration=5")
OTHER_SOUND = ("-f", "lavfi", "-i", "sine=frequency=1760:duration=5")
COVER = ("-f", "lavfi", "-i", "color=red:size=64x64:duration=0.04")
TWO = ("-map", "0", "-map", "1")
THREE = (*TWO, "-map", "2")
FAST = ("-c:v", "libx264", "-preset", "ultrafast")
H264 = (*FAST, "-pix_fmt", "yuv420p")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:repeat-headers=1")
AAC = ("-c:a", "aac")
WIDE = "setparams=color_primaries=bt2020:colorspace=bt2020nc"


def image(**options: object) -> tuple[str, ...]:
    """Return the options of a lavfi source: `image(size="64x36", rate=5)`."""
    settings = {"size": "320x180", "rate": 30, "duration": 5} | options
    return ("-f", "lavfi", "-i", "testsrc2=" + ":".join(f"{name}={value}" for name, value in settings.items()))


@dataclass(frozen=True, slots=True)
class SampleVideo:
    """How a video is made, and what the probe must return for it."""

    file: str
    command: tuple[str, ...]
    expected: dict[str, object] = field(default_factory=dict)
    seconds: float = 5.0
    again: tuple[str, ...] | None = None
    """The options of a second step without encoding, which reads the first one's file."""


VIDEOS: dict[str, SampleVideo] = {
    "plain": SampleVideo(
        "plain.mp4",
        (*IMAGE, *SOUND, *H264, *AAC),
        {"codec": "h264", "width": 320, "height": 180, "output_rate": "30/1", "has_audio": True, "hdr": None},
    ),
    "index at the front": SampleVideo("front.mp4", (*IMAGE, *SOUND, *H264, *AAC, "-movflags", "+faststart")),
    "fragmented": SampleVideo("pieces.mp4", (*IMAGE, *SOUND, *H264, *AAC, "-movflags", "+frag_keyframe+empty_moov")),
    "quicktime with uncompressed sound": SampleVideo("pcm.mov", (*IMAGE, *SOUND, *H264, "-c:a", "pcm_s16le")),
    "matroska": SampleVideo("film.mkv", (*IMAGE, *SOUND, *H264, *AAC), {"container": "matroska"}),
    "vp9": SampleVideo(
        "vp9.webm",
        (*IMAGE, *SOUND, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
        {"codec": "vp9", "container": "matroska"},
    ),
    "recorded by a browser": SampleVideo(
        "recorded.webm",
        (*image(size="64x36"), *SOUND, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm"),
        {"codec": "vp8"},
    ),
    "av1": SampleVideo("av1.mp4", (*IMAGE, *SOUND, "-c:v", "libsvtav1", "-preset", "12", *AAC), {"codec": "av1"}),
    "hevc": SampleVideo("hevc.mp4", (*IMAGE, *SOUND, *X265, "-tag:v", "hvc1", *AAC), {"codec": "hevc"}),
    "ten bits": SampleVideo(
        "ten.mp4",
        (*IMAGE, *X265, "-pix_fmt", "yuv420p10le"),
        {"pixel_format": "yuv420p10le", "hdr": None},
    ),
    "hdr10": SampleVideo(
        "hdr10.mp4",
        (*IMAGE, "-vf", f"{WIDE}:color_trc=smpte2084,format=yuv420p10le", *X265),
        {"hdr": "pq", "matrix": "bt2020"},
    ),
    "hlg": SampleVideo(
        "hlg.mp4",
        (*IMAGE, "-vf", f"{WIDE}:color_trc=arib-std-b67,format=yuv420p10le", *X265),
        {"hdr": "hlg"},
    ),
    "rotated": SampleVideo(
        "rotated.mp4",
        (*IMAGE, *SOUND, *H264, *AAC),
        {"width": 180, "height": 320},
        again=("-display_rotation", "90"),
    ),
    "variable rate": SampleVideo(
        "variable.mp4",
        (*IMAGE, "-vf", "select='lt(n,20)+not(mod(n,3))'", "-fps_mode", "vfr", *H264),
        {"output_rate": "15/1", "has_audio": False},
    ),
    "without sound": SampleVideo("silent.mp4", (*IMAGE, *H264), {"has_audio": False}),
    "several sounds": SampleVideo(
        "sounds.mkv",
        (*IMAGE, *SOUND, *OTHER_SOUND, *THREE, "-disposition:a:0", "0", "-disposition:a:1", "default", *H264, *AAC),
        {"audio_stream": 2},
    ),
    "with a cover": SampleVideo(
        "cover.mp4",
        (*IMAGE, *COVER, *TWO, *FAST, "-c:v:1", "mjpeg", "-disposition:v:1", "attached_pic"),
        {"video_stream": 0, "width": 320},
    ),
    "odd edges": SampleVideo(
        "odd.mp4",
        (
            *IMAGE,
            *SOUND,
            "-vf",
            "scale=321:181,setsar=1,format=yuv444p",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            *AAC,
        ),
        {"width": 321, "height": 181},
    ),
    "one frame": SampleVideo("one.mp4", (*IMAGE, "-frames:v", "1", *H264), {"output_rate": "30/1"}, seconds=1 / 30),
    "one pixel": SampleVideo(
        "pixel.mkv",
        (*image(duration=1), "-vf", "scale=1:1,format=yuv444p", "-c:v", "libx264", "-preset", "ultrafast"),
        {"width": 1, "height": 1},
        seconds=1.0,
    ),
    "four hours": SampleVideo(
        "hours.mp4",
        (*image(size="64x36", rate="1/720", duration=14399), "-c:v", "libx264", "-preset", "ultrafast"),
        {"output_rate": "5/1"},
        seconds=14400.0,
    ),
    "120 frames a second": SampleVideo("fast.mp4", (*image(rate=120, duration=4), *H264), {"output_rate": "60/1"}, 4.0),
    "one key frame": SampleVideo("gop.mp4", (*IMAGE, *SOUND, *H264, "-g", "100000", *AAC)),
    "edit list": SampleVideo(
        "edited.mp4",
        (*IMAGE, *SOUND, *H264, "-bf", "2", "-g", "300", *AAC),
        seconds=3.8,
        again=("-ss", "1.2"),
    ),
    "wide pixels": SampleVideo(
        "wide.mp4", (*image(size="240x180"), "-vf", "setsar=4/3", *H264), {"width": 320, "height": 180}
    ),
    "sound outlasts the image": SampleVideo(
        "music.mp4",
        (*image(duration=1), *SOUND, *H264, *AAC),
        seconds=5.0,
    ),
    "sound ends early": SampleVideo(
        "quiet.mp4", (*IMAGE, "-f", "lavfi", "-i", "sine=frequency=440:duration=1", *H264, *AAC)
    ),
    "sound begins late": SampleVideo("late.mkv", (*IMAGE, "-itsoffset", "2", *SOUND, *H264, *AAC), seconds=7.0),
    "full range": SampleVideo(
        "full.mp4",
        (*IMAGE, "-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "libx264", "-preset", "ultrafast"),
        {"full_range": True},
    ),
    "motion jpeg": SampleVideo(
        "photos.mov", (*IMAGE, "-c:v", "mjpeg", "-q:v", "5"), {"codec": "mjpeg", "full_range": True}
    ),
}


def make(folder: Path, video: SampleVideo) -> Path:
    """Return the video, encoded once for each folder."""
    path = folder / video.file
    if path.exists():
        return path
    if video.again is None:
        encode(path, *video.command)
        return path
    first = folder / f"first_{video.file}"
    encode(first, *video.command)
    encode(path, *video.again, "-i", str(first), "-c", "copy")
    return path


def encode(path: Path, *command: str) -> None:
    """Run the encoder. A command that ends with a format writes to a pipe, so that no header is completed
    afterwards.
    """
    encoder = imageio_ffmpeg.get_ffmpeg_exe()
    target = "pipe:1" if command[-2] == "-f" else str(path)
    with path.open("wb") as file:
        words = [encoder, "-nostdin", "-v", "error", "-y", *command, target]
        subprocess.run(words, check=True, timeout=120, stdout=file, env={"SVT_LOG": "0"})  # noqa: S603 - our own words
