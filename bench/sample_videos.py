"""Make a video as a phone records it, for benchmarks: 1080p, moving edges and fine noise, with sound."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

_TEST_IMAGE = "mandelbrot=size=1920x1080:rate=30:start_scale=1.2:end_scale=0.05:end_pts={frames},noise=alls=6:allf=t"
_SOUND = "sine=frequency=440:beep_factor=4:duration={seconds}"


# Generating an image costs more than encoding its frames. Repetition is as good as new content for an encoder, which
# looks only two seconds ahead.
_PIECE_SECONDS = 10


def make_video(folder: Path, seconds: int) -> Path:
    """Make a video that repeats the same ten seconds."""
    piece, path = folder / "piece.mp4", folder / f"film_{seconds}.mp4"
    sources = (_TEST_IMAGE.format(frames=30 * _PIECE_SECONDS), _SOUND.format(seconds=_PIECE_SECONDS))
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac"]
    _encode([*inputs, "-t", str(_PIECE_SECONDS), *coding], piece)
    _encode(["-stream_loop", "-1", "-i", str(piece), "-t", str(seconds), "-c", "copy"], path)
    return path


def _encode(words: list[str], target: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *words, str(target)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command
