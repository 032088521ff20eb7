"""The static encoder that came as a wheel."""

import os
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import imageio_ffmpeg


@lru_cache
def _program() -> Path:
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def open_encoder() -> int:
    """A descriptor to start it by, once a child may no longer look for it."""
    return os.open(_program(), os.O_RDONLY | os.O_CLOEXEC)


def encoder_versions() -> dict[str, str]:
    """For a capsule; the wheel names the program's release in its file's name."""
    return {"imageio-ffmpeg": version("imageio-ffmpeg"), "ffmpeg": _program().name.rpartition("-")[2]}
