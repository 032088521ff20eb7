"""Valid videos of one second, with one false value each."""

import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from tests.media.hostile.chunks import full_box
from tests.media.hostile.trap import Trap

SELF_CONTAINED = full_box(b"url ", flags=1)


@cache
def video(ending: str, *options: str) -> bytes:
    """Return a video of 64 by 48 pixels, with its index at the front."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"video.{ending}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-f", "lavfi"]
        command += ["-i", "testsrc2=size=64x48:rate=10:duration=1", *options, "-c:v", "libx264", "-preset", "ultrafast"]
        command += ["-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact", str(target)]
        subprocess.run(command, check=True, timeout=60)  # noqa: S603  # our own static encoder
        return target.read_bytes()


def videos(trap: Trap) -> dict[str, bytes]:
    good = video("mp4")
    return {
        "video_that_points_to_a_server.mp4": pointing(good, trap.url),
        "video_that_points_to_a_file.mp4": pointing(good, f"file://{trap.secret}"),
        "video_of_vast_pixels.mp4": claim(good, b"avc1", 28, struct.pack(">HH", 60_000, 60_000)),
        "video_of_endless_samples.mp4": claim(good, b"stsz", 12, b"\xff\xff\xff\xff"),
        "video_of_endless_times.mp4": claim(good, b"stts", 8, b"\xff\xff\xff\xff"),
        "video_of_endless_duration.mp4": claim(good, b"mvhd", 20, b"\xff\xff\xff\xff"),
        "video_of_endless_edits.mp4": claim(good, b"elst", 8, b"\xff\xff\xff\xff"),
        "video_of_no_time_at_all.mp4": claim(good, b"mdhd", 16, bytes(8)),
        "video_of_samples_elsewhere.mp4": claim(good, b"stco", 12, b"\xff\xff\xff\xf0"),
        "video_of_one_endless_sample.mp4": claim(good, b"stsz", 16, b"\x7f\xff\xff\xff"),
        "video_of_another_codec.mp4": good.replace(b"avc1", b"rawv"),
        "video_with_an_attachment.mkv": video("mkv", *attached(trap)),
        "video_called_a_photo.jpg": good,
        "video_behind_a_playlist.mp4": b"#EXTM3U\n" + good,
    }


def pointing(good: bytes, target: str) -> bytes:
    """Make the data reference point elsewhere; the offsets of the samples stay those of the original file."""
    false_value = full_box(b"url ", target.encode() + b"\0")
    content = good.replace(SELF_CONTAINED, false_value)
    more = len(false_value) - len(SELF_CONTAINED)
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = content.index(name) - 4
        content = content[:at] + struct.pack(">L", struct.unpack_from(">L", content, at)[0] + more) + content[at + 4 :]
    return content


def claim(content: bytes, name: bytes, offset: int, false_value: bytes) -> bytes:
    """Overwrite part of the first box with this name; `offset` counts from the name's first letter."""
    at = content.index(name) + offset
    return content[:at] + false_value + content[at + len(false_value) :]


def attached(trap: Trap) -> tuple[str, ...]:
    return ("-attach", str(trap.secret), "-metadata:s:t", "mimetype=application/x-truetype-font")
