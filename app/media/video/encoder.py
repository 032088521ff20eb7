"""The static encoder, installed as a wheel."""

import os
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import imageio_ffmpeg


@lru_cache
def _program() -> Path:
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def open_encoder() -> int:
    """Return a descriptor to start it with, because a confined child cannot open it."""
    return os.open(_program(), os.O_RDONLY | os.O_CLOEXEC)


def encoder_versions() -> dict[str, str]:
    """Return the versions for a crash report; the program's release is part of its file name."""
    return {"imageio-ffmpeg": version("imageio-ffmpeg"), "ffmpeg": _program().name.rpartition("-")[2]}
