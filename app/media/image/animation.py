"""Frames of an animated GIF or WebP for the encoder: constant rate, opaque, sRGB. Runs inside a child only."""

from collections.abc import Sequence
from contextlib import suppress
from math import gcd, sqrt
from pathlib import Path
from typing import Any, BinaryIO

import pyvips

from app.media.image.colours import to_srgb
from app.media.image.errors import decoding_errors
from app.media.recipe import LOOP
from app.media.results import Loop
from app.media.sniff import SourceFormat, sniff

DELAYS, FRAME_HEIGHT = "delay", "page-height"

# Browsers show a frame with a shorter delay for a tenth of a second, so that is what its author saw.
MIN_DELAY_MILLISECONDS, REPLACEMENT_DELAY_MILLISECONDS = 20, 100
TICK_MILLISECONDS = 10
WHITE = 255


def loop_of(header: Any, frames: int) -> Loop | None:
    """Return the loop by the first frame's header; None for a still image and for one too large to be animated."""
    delays = header.get(DELAYS) if header.get_typeof(DELAYS) else []
    pixels = header.width * header.height
    ticks = _ticks(delays, min(frames, LOOP.most_decoded_pixels // pixels))
    if len(ticks) < 2 or pixels > LOOP.most_pixels:
        return None
    total = sum(ticks)
    step = max(gcd(*ticks), LOOP.least_step_ticks, -(-total // LOOP.most_frames))
    max_pixels = LOOP.most_encoded_pixels / -(-total // step)
    scale = min(1.0, LOOP.longest_edge / max(header.width, header.height), sqrt(max_pixels / pixels))
    width, height = (max(2, int(edge * scale) // 2 * 2) for edge in (header.width, header.height))
    return Loop(len(ticks), width, height, step, total * TICK_MILLISECONDS / 1000)


def write_frames(source: Path, loop: Loop, pipe: Path) -> None:
    """Write raw RGB, each frame repeated for its duration. Raises MediaError."""
    with decoding_errors():
        frames = _load(source, loop.frames)
        ticks = _ticks(frames.get(DELAYS), loop.frames)
        with suppress(BrokenPipeError), pipe.open("wb") as target:  # the encoder's end has the reason
            _write(frames, ticks, loop, target)


def _ticks(delays: Sequence[int], frames: int) -> list[int]:
    """Return the frames' durations in ticks, up to the maximum length; short delays are replaced as in browsers."""
    timeline: list[int] = []
    for number in range(frames):
        delay = delays[number] if number < len(delays) else 0
        delay = delay if delay >= MIN_DELAY_MILLISECONDS else REPLACEMENT_DELAY_MILLISECONDS
        left = LOOP.most_seconds * 1000 // TICK_MILLISECONDS - sum(timeline)
        if left <= 0:
            break
        timeline.append(min(round(delay / TICK_MILLISECONDS), left))
    return timeline


def _load(source: Path, frames: int) -> Any:
    """Load all frames, one below the other, decoded on access."""
    load = pyvips.Image.webpload if sniff(source) is SourceFormat.WEBP else pyvips.Image.gifload
    return load(str(source), n=frames, access="sequential", fail_on="error")


def _write(frames: Any, ticks: list[int], loop: Loop, target: BinaryIO) -> None:
    height = frames.get(FRAME_HEIGHT)
    elapsed = written = 0
    for number, duration in enumerate(ticks):
        frame = frames.crop(0, number * height, frames.width, height).copy_memory()
        content = _to_rgb(frame, loop)
        elapsed += duration
        while written * loop.step_ticks < elapsed:
            target.write(content)
            written += 1


def _to_rgb(frame: Any, loop: Loop) -> bytes:
    colours = to_srgb(frame)
    flat = colours.flatten(background=WHITE) if colours.hasalpha() else colours
    sized = flat.resize(loop.width / flat.width, vscale=loop.height / flat.height)
    return bytes(sized.cast("uchar").write_to_memory())
