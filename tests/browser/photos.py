"""Photos to drop: real JPEGs that differ in every pixel, and files that are none."""

import random
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

WIDTH, HEIGHT = 1280, 960
MEBIBYTE = 1024 * 1024


def photos(folder: Path, count: int) -> list[Path]:
    """Some 300 KB each; every one has colours and grain of its own."""
    return [_photo(folder / f"photo-{number:02}.jpg", number) for number in range(1, count + 1)]


def _photo(file: Path, number: int) -> Path:
    shades = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    grain = Image.effect_noise((WIDTH, HEIGHT), 22 + number)
    hue = number * 37 % 256
    sky, ground = f"hsl({hue}, 70%, 72%)", f"hsl({(hue + 60) % 360}, 60%, 28%)"
    ImageChops.overlay(ImageOps.colorize(shades, sky, ground), grain.convert("RGB")).save(file, "JPEG", quality=80)
    return file


def large_photo(file: Path, size_bytes: int) -> Path:
    """A JPEG with bytes behind its end, which every program ignores: so large that it travels in parts."""
    content = _photo(file, 1).read_bytes()
    file.write_bytes(content + random.Random(1).randbytes(size_bytes - len(content)))
    return file


def text_file(file: Path) -> Path:
    """What somebody renamed to look like a photo."""
    file.write_text("Dear diary, this is no photograph at all.\n" * 40)
    return file
