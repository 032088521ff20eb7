"""Make a folder of reproducible 12 MP photos: soft shapes, edges, fine texture, sensor noise, EXIF."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 4000, 3000
QUALITY = 90

# Cells across the image, and how far their brightness varies: fine detail has less contrast, as in nature.
OCTAVES = ((6, 60.0), (16, 36.0), (48, 20.0), (160, 11.0), (500, 6.0))
EDGES = 60
NOISE = 2.0

MAKE, MODEL, EXIF_FOLDER, ORIGINAL_TIME = 0x010F, 0x0110, 0x8769, 0x9003

SCENES = 6
"""Number of distinct images behind any number of files: making one takes longer than the service needs to process it.
"""
START_OF_IMAGE, COMMENT = b"\xff\xd8", b"\xff\xfe"

Pixels = NDArray[np.float32]


def make_photos(folder: Path, count: int) -> list[Path]:
    photos = []
    for seed in range(count):
        photo = folder / f"photo_{seed:02}.jpg"
        exif = Image.Exif()
        exif[MAKE], exif[MODEL] = "Darkroom", "Bench"
        exif.get_ifd(EXIF_FOLDER)[ORIGINAL_TIME] = f"2024:05:01 12:00:{seed:02}"
        _scene(seed).save(photo, quality=QUALITY, exif=exif)
        photos.append(photo)
    return photos


def make_different_photos(folder: Path, count: int) -> list[Path]:
    """Make files with different bytes but few different images: each carries its number in a comment."""
    scenes = [scene.read_bytes() for scene in make_photos(folder, min(count, SCENES))]
    photos = []
    for number in range(count):
        comment = b"photo %06d" % number
        segment = COMMENT + (len(comment) + 2).to_bytes(2, "big") + comment
        photo = folder / f"different_{number:03}.jpg"
        photo.write_bytes(START_OF_IMAGE + segment + scenes[number % len(scenes)].removeprefix(START_OF_IMAGE))
        photos.append(photo)
    return photos


def _scene(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    colour = random.uniform(90, 160, 3).astype(np.float32)
    light: Pixels = sum(
        (_octave(random, cells) * depth for cells, depth in OCTAVES), np.zeros((HEIGHT, WIDTH), np.float32)
    )
    for _ in range(EDGES):
        top, left = int(random.integers(HEIGHT - 100)), int(random.integers(WIDTH - 100))
        down, across = (int(size) for size in random.integers(60, 500, 2))
        light[top : top + down, left : left + across] += random.uniform(-40, 40)
    light += random.standard_normal((HEIGHT, WIDTH), np.float32) * NOISE
    tint = _octave(random, 5) * 20
    bands = [light + colour[0] + tint, light + colour[1], light + colour[2] - tint]
    return Image.fromarray(np.clip(np.stack(bands, axis=2), 0, 255).astype(np.uint8))


def _octave(random: np.random.Generator, cells: int) -> Pixels:
    grid = random.standard_normal((cells * HEIGHT // WIDTH + 2, cells + 2), np.float32)
    return np.asarray(Image.fromarray(grid).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
