"""A film as a phone takes it, for benchmarks: 1080p, moving edges and fine noise, with sound."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

_PICTURE = "mandelbrot=size=1920x1080:rate=30:start_scale=1.2:end_scale=0.05:end_pts={frames},noise=alls=6:allf=t"
_SOUND = "sine=frequency=440:beep_factor=4:duration={seconds}"


def make_film(folder: Path, seconds: int) -> Path:
    """Takes about as long as it lasts."""
    path = folder / f"film_{seconds}.mp4"
    sources = (_PICTURE.format(frames=30 * seconds), _SOUND.format(seconds=seconds))
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    coding = ["-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", *inputs, *coding, "-g", "30", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)  # noqa: S603 - our own command
    return path
