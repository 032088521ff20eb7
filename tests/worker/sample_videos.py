"""Short videos for the worker's tests, no two with the same bytes."""

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg

from darkroom_shared.ids import new_ulid


def a_video(*, seconds: int = 4, size: str = "320x180", rate: int = 10) -> bytes:
    """Return an MP4 with a moving test image and a tone, like a phone's, and a unique box that readers skip."""
    unique = new_ulid().encode()
    return _encoded(seconds, size, rate) + (8 + len(unique)).to_bytes(4, "big") + b"free" + unique


@cache
def _encoded(seconds: int, size: str, rate: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error",
            "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}",
            "-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}",
            "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path),
        ]  # fmt: skip
        subprocess.run(command, check=True, timeout=60)  # noqa: S603  a program that comes with the tests
        return path.read_bytes()
