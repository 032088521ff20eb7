"""The ThumbHash of an image (evanw.github.io/thumbhash): about 25 bytes that a page paints before any file arrives.

Implemented here because the published package fails on every image with alpha.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

# The seven cosine terms of a ThumbHash need about 16 points per axis; more only cost time.
MAX_EDGE = 24

MAX_LUMINANCE_TERMS, MAX_LUMINANCE_TERMS_WITH_ALPHA = 7, 5


@dataclass(frozen=True, slots=True)
class Waves:
    """A channel as its mean, its other cosine terms scaled to 0..1, and that scale."""

    mean: float
    terms: tuple[float, ...]
    scale: float


def thumb_hash(width: int, height: int, rgba: bytes) -> str:
    """Return the Base64 of an image of at most MAX_EDGE pixels per edge, four bytes per pixel."""
    luminance, yellow_blue, red_green, alpha = _channels(rgba)
    has_alpha = min(alpha) < 1
    max_terms = MAX_LUMINANCE_TERMS_WITH_ALPHA if has_alpha else MAX_LUMINANCE_TERMS
    across = max(1, _nearest(max_terms * width / max(width, height)))
    down = max(1, _nearest(max_terms * height / max(width, height)))
    light = _waves(luminance, width, height, max(3, across), max(3, down))
    warmth = _waves(yellow_blue, width, height, 3, 3)
    tint = _waves(red_green, width, height, 3, 3)
    landscape = width > height
    first = _nearest(63 * light.mean) | _nearest(31.5 + 31.5 * warmth.mean) << 6
    first |= _nearest(31.5 + 31.5 * tint.mean) << 12 | _nearest(31 * light.scale) << 18 | has_alpha << 23
    second = (down if landscape else across) | _nearest(63 * warmth.scale) << 3
    second |= _nearest(63 * tint.scale) << 9 | landscape << 15
    packed = first.to_bytes(3, "little") + second.to_bytes(2, "little")
    terms = light.terms + warmth.terms + tint.terms
    if has_alpha:
        opacity = _waves(alpha, width, height, 5, 5)
        packed += bytes([_nearest(15 * opacity.mean) | _nearest(15 * opacity.scale) << 4])
        terms += opacity.terms
    return base64.b64encode(packed + _pack_halves([_nearest(15 * term) for term in terms])).decode()


def _channels(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return luminance, yellow minus blue, red minus green, alpha; transparent pixels get the mean colour."""
    alpha = [value / 255 for value in rgba[3::4]]
    total = sum(alpha) or 1
    colours = []
    for band in range(3):
        weighed = [a * value / 255 for a, value in zip(alpha, rgba[band::4], strict=True)]
        mean = sum(weighed) / total
        colours.append([mean * (1 - a) + value for a, value in zip(alpha, weighed, strict=True)])
    pixels = list(zip(*colours, strict=True))
    return (
        [(red + green + blue) / 3 for red, green, blue in pixels],
        [(red + green) / 2 - blue for red, green, blue in pixels],
        [red - green for red, green, _ in pixels],
        alpha,
    )


def _waves(channel: Sequence[float], width: int, height: int, across: int, down: int) -> Waves:
    """Return the lower left triangle of a cosine transform, row by row."""
    rows = [channel[start : start + width] for start in range(0, width * height, width)]
    by_column = [[sum(map(mul, row, cosines)) for row in rows] for cosines in _cosines(width, across)]
    values = [
        sum(map(mul, by_column[x], cosines)) / (width * height)
        for y, cosines in enumerate(_cosines(height, down))
        for x in range(across)
        if x * down < across * (down - y)
    ]
    mean, terms = values[0], values[1:]
    scale = max(map(abs, terms), default=0.0)
    return Waves(mean, tuple(0.5 + 0.5 / scale * term if scale else term for term in terms), scale)


def _cosines(points: int, count: int) -> list[list[float]]:
    return [[math.cos(math.pi / points * term * (at + 0.5)) for at in range(points)] for term in range(count)]


def _pack_halves(halves: list[int]) -> bytes:
    """Pack two four-bit values into each byte, the first one low."""
    padded = halves + [0] * (len(halves) % 2)
    return bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))


def _nearest(value: float) -> int:
    return math.floor(value + 0.5)
