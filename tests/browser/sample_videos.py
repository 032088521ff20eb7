"""A sample video: two HLS rungs as the service makes them, an MP4, a poster and a storyboard."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

SECONDS = 120
SEGMENT_SECONDS = 2
SEGMENTS = SECONDS // SEGMENT_SECONDS
FRAMES_PER_SECOND = 5
RUNGS = {"low": (160, 90, "90k"), "high": (320, 180, "600k")}
CUE_SECONDS = 10
CUE_WIDTH, CUE_HEIGHT, CUES_PER_ROW = 160, 90, 4


@dataclass(frozen=True, slots=True)
class SampleVideo:
    folder: Path
    poster: Image.Image

    def main_playlist(self, attempt: int, grant: str) -> str:
        return re.sub(
            r"^(\w+\.m3u8)$", rf"{attempt}/\1?{grant}", (self.folder / "main.m3u8").read_text(), flags=re.MULTILINE
        )

    def media_playlist(self, rung: str, made: int, prefix: str) -> str:
        """Return a playlist of the first `made` segments; every URI starts with the prefix."""
        lines = (self.folder / f"{rung}.m3u8").read_text().splitlines()
        ends = [number for number, line in enumerate(lines) if line.endswith(".m4s")]
        lines_so_far = lines if made >= len(ends) else lines[: ends[made - 1] + 1]
        text = "\n".join(prefix + line if line.endswith(".m4s") else line for line in lines_so_far)
        return text.replace('URI="', f'URI="{prefix}') + "\n"


def encode_video(folder: Path) -> SampleVideo:
    """Encode a video whose image shows the time, so that each frame differs."""
    source = f"testsrc2=size=320x180:rate={FRAMES_PER_SECOND}:duration={SECONDS}"
    low, high = RUNGS.values()
    group = str(FRAMES_PER_SECOND * SEGMENT_SECONDS)
    _encode(
        "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", f"sine=frequency=330:duration={SECONDS}:sample_rate=16000",
        "-filter_complex", f"[0:v]split[a][b];[a]scale={low[0]}:{low[1]}[low];[b]null[high]",
        "-map", "[low]", "-map", "1:a", "-map", "[high]", "-map", "1:a",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-g", group, "-keyint_min", group, "-sc_threshold", "0",
        "-b:v:0", low[2], "-b:v:1", high[2], "-c:a", "aac", "-b:a", "32k",
        "-f", "hls", "-hls_playlist_type", "event", "-hls_segment_type", "fmp4", "-hls_time", str(SEGMENT_SECONDS),
        "-hls_flags", "independent_segments+temp_file", "-hls_fmp4_init_filename", "%v_init.mp4",
        "-hls_segment_filename", folder / "%v_%05d.m4s", "-master_pl_name", "main.m3u8",
        "-var_stream_map", "v:0,a:0,name:low v:1,a:1,name:high", folder / "%v.m3u8",
    )  # fmt: skip
    _join(folder)
    rows = -(-SECONDS // CUE_SECONDS // CUES_PER_ROW)
    sprite = f"fps=1/{CUE_SECONDS},scale={CUE_WIDTH}:{CUE_HEIGHT},tile={CUES_PER_ROW}x{rows}"
    _encode("-i", folder / "video.mp4", "-vf", sprite, "-frames:v", "1", folder / "storyboard.jpg")
    (folder / "storyboard.vtt").write_text(_storyboard_track())
    _encode("-ss", "3", "-i", folder / "video.mp4", "-frames:v", "1", folder / "poster.png")
    with Image.open(folder / "poster.png") as poster:
        return SampleVideo(folder, poster.convert("RGB"))


def phone_video(file: Path, seconds: int, size: str = "1280x720", *, noise_from_seconds: int = 0) -> Path:
    """Write a video as large and detailed as one from a phone, so that encoding takes a while; its index comes last.

    The part before `noise_from_seconds` has few details and is encoded quickly.
    """
    noise = f"noise=alls=24:allf=t:enable='gte(t,{noise_from_seconds})'"
    image = f"testsrc2=size={size}:rate=30:duration={seconds},{noise}"
    _encode(
        "-f", "lavfi", "-i", image, "-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}",
        "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p", "-c:a", "aac", file,
    )  # fmt: skip
    return file


def _join(folder: Path) -> None:
    pieces = [folder / "high_init.mp4", *sorted(folder.glob("high_*.m4s"))]
    (folder / "joined.mp4").write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    _encode("-i", folder / "joined.mp4", "-c", "copy", "-movflags", "+faststart", folder / "video.mp4")


def _storyboard_track() -> str:
    cues = ["WEBVTT\n"]
    for number in range(SECONDS // CUE_SECONDS):
        row, column = divmod(number, CUES_PER_ROW)
        times = " --> ".join(f"00:{at // 60:02}:{at % 60:02}.000" for at in (number * CUE_SECONDS, (number + 1) * 10))
        place = f"{column * CUE_WIDTH},{row * CUE_HEIGHT},{CUE_WIDTH},{CUE_HEIGHT}"
        cues.append(f"{times}\nstoryboard.jpg#xywh={place}\n")
    return "\n".join(cues)


def _encode(*options: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *map(str, options)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the encoder of our own requirements
