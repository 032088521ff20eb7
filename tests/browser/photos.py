"""Files to upload: real JPEGs that differ in every pixel, and files that are not photos."""

import random
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

WIDTH, HEIGHT = 640, 480
MEBIBYTE = 1024 * 1024


def photos(folder: Path, count: int) -> list[Path]:
    """Write photos of about 280 KB each, every one with different colours and grain."""
    return [_photo(folder / f"photo-{number:02}.jpg", number) for number in range(1, count + 1)]


def _photo(file: Path, number: int) -> Path:
    shades = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    grain = Image.effect_noise((WIDTH, HEIGHT), 22 + number)
    hue = number * 37 % 256
    sky, ground = f"hsl({hue}, 70%, 72%)", f"hsl({(hue + 60) % 360}, 60%, 28%)"
    ImageChops.overlay(ImageOps.colorize(shades, sky, ground), grain.convert("RGB")).save(file, "JPEG", quality=97)
    return file


def large_photo(file: Path, size_bytes: int) -> Path:
    """Write a JPEG padded after its end, which decoders ignore, so that it is large enough for a multipart upload."""
    content = _photo(file, 1).read_bytes()
    file.write_bytes(content + random.Random(1).randbytes(size_bytes - len(content)))
    return file


def text_file(file: Path) -> Path:
    """Write a text file with the name of a photo."""
    file.write_text("Dear diary, this is not a photograph at all.\n" * 40)
    return file
