"""Short videos for the worker's tests, no two with the same bytes."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from darkroom_shared.ids import new_ulid


def a_video(folder: Path, *, seconds: int = 4, size: str = "320x180", rate: int = 10) -> bytes:
    """Return an MP4 with a moving test image and a tone, like a phone's."""
    path = folder / f"{new_ulid()}.mp4"
    _encode(
        "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
        "-metadata", f"comment={new_ulid()}", str(path),
    )  # fmt: skip
    content = path.read_bytes()
    path.unlink()
    return content


def _encode(*words: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *words]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603  a program that comes with the tests
