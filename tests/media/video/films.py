"""Small films of every kind that people have, made by the encoder itself."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg

FilmMaker = Callable[[str], Path]
"""A film by its name."""

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=5")
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


def picture(**options: object) -> tuple[str, ...]:
    """A source of lavfi: `picture(size="64x36", rate=5)`."""
    settings = {"size": "320x180", "rate": 30, "duration": 5} | options
    return ("-f", "lavfi", "-i", "testsrc2=" + ":".join(f"{name}={value}" for name, value in settings.items()))


@dataclass(frozen=True, slots=True)
class Film:
    """How a film is made, and what the probe must say of it."""

    file: str
    command: tuple[str, ...]
    expected: dict[str, object] = field(default_factory=dict)
    seconds: float = 5.0
    again: tuple[str, ...] | None = None
    """A second step without encoding, after `-i` the first one's file."""


FILMS: dict[str, Film] = {
    "plain": Film(
        "plain.mp4",
        (*PICTURE, *SOUND, *H264, *AAC),
        {"codec": "h264", "width": 320, "height": 180, "output_rate": "30/1", "has_audio": True, "hdr": None},
    ),
    "index at the front": Film("front.mp4", (*PICTURE, *SOUND, *H264, *AAC, "-movflags", "+faststart")),
    "fragmented": Film("pieces.mp4", (*PICTURE, *SOUND, *H264, *AAC, "-movflags", "+frag_keyframe+empty_moov")),
    "quicktime with uncompressed sound": Film("pcm.mov", (*PICTURE, *SOUND, *H264, "-c:a", "pcm_s16le")),
    "matroska": Film("film.mkv", (*PICTURE, *SOUND, *H264, *AAC), {"container": "matroska"}),
    "vp9": Film(
        "vp9.webm",
        (*PICTURE, *SOUND, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"),
        {"codec": "vp9", "container": "matroska"},
    ),
    "recorded by a browser": Film(
        "recorded.webm",
        (*picture(size="64x36"), *SOUND, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm"),
        {"codec": "vp8"},
    ),
    "av1": Film("av1.mp4", (*PICTURE, *SOUND, "-c:v", "libsvtav1", "-preset", "12", *AAC), {"codec": "av1"}),
    "hevc": Film("hevc.mp4", (*PICTURE, *SOUND, *X265, "-tag:v", "hvc1", *AAC), {"codec": "hevc"}),
    "ten bits": Film(
        "ten.mp4",
        (*PICTURE, *X265, "-pix_fmt", "yuv420p10le"),
        {"pixel_format": "yuv420p10le", "hdr": None},
    ),
    "hdr10": Film(
        "hdr10.mp4",
        (*PICTURE, "-vf", f"{WIDE}:color_trc=smpte2084,format=yuv420p10le", *X265),
        {"hdr": "pq", "matrix": "bt2020"},
    ),
    "hlg": Film(
        "hlg.mp4",
        (*PICTURE, "-vf", f"{WIDE}:color_trc=arib-std-b67,format=yuv420p10le", *X265),
        {"hdr": "hlg"},
    ),
    "rotated": Film(
        "rotated.mp4",
        (*PICTURE, *SOUND, *H264, *AAC),
        {"width": 180, "height": 320},
        again=("-display_rotation", "90"),
    ),
    "variable rate": Film(
        "variable.mp4",
        (*PICTURE, "-vf", "select='lt(n,20)+not(mod(n,3))'", "-fps_mode", "vfr", *H264),
        {"output_rate": "15/1", "has_audio": False},
    ),
    "without sound": Film("silent.mp4", (*PICTURE, *H264), {"has_audio": False}),
    "several sounds": Film(
        "sounds.mkv",
        (*PICTURE, *SOUND, *OTHER_SOUND, *THREE, "-disposition:a:0", "0", "-disposition:a:1", "default", *H264, *AAC),
        {"audio_stream": 2},
    ),
    "with a cover": Film(
        "cover.mp4",
        (*PICTURE, *COVER, *TWO, *FAST, "-c:v:1", "mjpeg", "-disposition:v:1", "attached_pic"),
        {"video_stream": 0, "width": 320},
    ),
    "odd edges": Film(
        "odd.mp4",
        (
            *PICTURE,
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
    "one frame": Film("one.mp4", (*PICTURE, "-frames:v", "1", *H264), {"output_rate": "30/1"}, seconds=1 / 30),
    "one pixel": Film(
        "pixel.mkv",
        (*picture(duration=1), "-vf", "scale=1:1,format=yuv444p", "-c:v", "libx264", "-preset", "ultrafast"),
        {"width": 1, "height": 1},
        seconds=1.0,
    ),
    "four hours": Film(
        "hours.mp4",
        (*picture(size="64x36", rate="1/720", duration=14399), "-c:v", "libx264", "-preset", "ultrafast"),
        {"output_rate": "5/1"},
        seconds=14400.0,
    ),
    "120 frames a second": Film("fast.mp4", (*picture(rate=120, duration=4), *H264), {"output_rate": "60/1"}, 4.0),
    "one key frame": Film("gop.mp4", (*PICTURE, *SOUND, *H264, "-g", "100000", *AAC)),
    "edit list": Film(
        "edited.mp4",
        (*PICTURE, *SOUND, *H264, "-bf", "2", "-g", "300", *AAC),
        seconds=3.8,
        again=("-ss", "1.2"),
    ),
    "wide pixels": Film(
        "wide.mp4", (*picture(size="240x180"), "-vf", "setsar=4/3", *H264), {"width": 320, "height": 180}
    ),
    "sound goes on": Film(
        "music.mp4",
        (*picture(duration=1), *SOUND, *H264, *AAC),
        seconds=5.0,
    ),
    "sound ends early": Film(
        "quiet.mp4", (*PICTURE, "-f", "lavfi", "-i", "sine=frequency=440:duration=1", *H264, *AAC)
    ),
    "sound comes late": Film("late.mkv", (*PICTURE, "-itsoffset", "2", *SOUND, *H264, *AAC), seconds=7.0),
    "full range": Film(
        "full.mp4",
        (*PICTURE, "-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "libx264", "-preset", "ultrafast"),
        {"full_range": True},
    ),
    "motion jpeg": Film("photos.mov", (*PICTURE, "-c:v", "mjpeg", "-q:v", "5"), {"codec": "mjpeg", "full_range": True}),
}


def make(folder: Path, film: Film) -> Path:
    """The film, made once for each folder."""
    path = folder / film.file
    if path.exists():
        return path
    if film.again is None:
        encode(path, *film.command)
        return path
    first = folder / f"first_{film.file}"
    encode(first, *film.command)
    encode(path, *film.again, "-i", str(first), "-c", "copy")
    return path


def encode(path: Path, *command: str) -> None:
    """A command that ends with a format is written to a pipe, so that nothing of it is filled in afterwards."""
    encoder = imageio_ffmpeg.get_ffmpeg_exe()
    target = "pipe:1" if command[-2] == "-f" else str(path)
    with path.open("wb") as file:
        words = [encoder, "-nostdin", "-v", "error", "-y", *command, target]
        subprocess.run(words, check=True, timeout=120, stdout=file, env={"SVT_LOG": "0"})  # noqa: S603 - our own words
