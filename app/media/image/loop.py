"""The encoder's command for an animation's frames: one muted MP4, which the player repeats."""

from pathlib import Path

from app.media.recipe import LOOP
from app.media.results import Loop
from app.media.sandbox.confinement import ENCODER_LIMITS, GIB, Limits

PIPE_FILE, LOOP_FILE = "frames", "video.mp4"

# Bytes that pass through the pipe count as written; the recipe bounds them.
FRAMES_LIMITS = Limits(cpu_seconds=90, output_bytes=64 * GIB, niceness=10)
LOOP_LIMITS = ENCODER_LIMITS

_TAGS = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"


def loop_command(pipe: Path, loop: Loop) -> tuple[str, ...]:
    """Return a command that reads raw RGB until the pipe's other end closes, and writes into its working folder."""
    return (
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-nostats"),
        *("-protocol_whitelist", "file", "-f", "rawvideo", "-pixel_format", "rgb24"),
        *("-video_size", f"{loop.width}x{loop.height}", "-framerate", f"100/{loop.step_ticks}"),
        *("-i", f"file:{pipe.absolute()}"),
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{_TAGS}"),
        *("-c:v", "libx264", "-profile:v", "high", "-preset", LOOP.preset, "-crf", str(LOOP.quality), "-an"),
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", "-f", "mp4", LOOP_FILE),
    )
