"""The baselines of `images.py`: scripts on Pillow and pyvips that make the same files, one photo per call."""

import io
import os
import time
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image, ImageCms
from skimage.metrics import structural_similarity

from app.media.recipe import RECIPE, WEBP_EFFORT, FileFormat, RenditionRecipe
from app.media.sandbox.confinement import Limits

_SRGB = ImageCms.createProfile("sRGB")


def prepare() -> None:
    """Prepare each process once; our own child processes have the same niceness."""
    os.nice(Limits().niceness)
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)  # otherwise a round would reuse the photos of the previous one


def pillow_opening_each(photo: Path, folder: Path) -> float:
    """Open, thumbnail, convert to sRGB and save for each output. Returns CPU seconds."""
    started = time.process_time()
    for recipe in RECIPE:
        with Image.open(photo) as image:
            image.thumbnail((recipe.longest_edge, recipe.longest_edge))
            _save(_to_srgb(image), recipe, folder)
    return time.process_time() - started


def pillow_opening_once(photo: Path, folder: Path) -> float:
    started = time.process_time()
    with Image.open(photo) as image:
        for recipe in RECIPE:
            image.thumbnail((recipe.longest_edge, recipe.longest_edge))
            _save(_to_srgb(image), recipe, folder)
    return time.process_time() - started


def vips_chain(photo: Path, folder: Path) -> float:
    started = time.process_time()
    image = pyvips.Image.new_from_file(str(photo), access="sequential")
    for recipe in RECIPE:
        edge = recipe.longest_edge
        image = image.thumbnail_image(edge, height=edge, size="down").copy_memory()
        target = str(folder / recipe.file)
        match recipe.format:
            case FileFormat.WEBP:
                image.webpsave(target, Q=recipe.quality, effort=WEBP_EFFORT, keep="none")
            case FileFormat.JPEG:
                image.jpegsave(target, Q=recipe.quality, keep="none")
    return time.process_time() - started


def similarity(one: Path, other: Path) -> float:
    """Return the structural similarity (SSIM) of two images of one size, over all colour channels."""
    with Image.open(one) as first, Image.open(other) as second:
        pixels = [np.asarray(image.convert("RGB")) for image in (first, second)]
    return float(structural_similarity(*pixels, channel_axis=2, data_range=255))  # type: ignore[no-untyped-call]  # scikit-image has no types


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile:
        return image.convert("RGB")
    converted = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB, outputMode="RGB")
    assert converted is not None
    return converted


def _save(image: Image.Image, recipe: RenditionRecipe, folder: Path) -> None:
    match recipe.format:
        case FileFormat.WEBP:
            image.save(folder / recipe.file, quality=recipe.quality, method=WEBP_EFFORT)
        case FileFormat.JPEG:
            image.save(folder / recipe.file, quality=recipe.quality)
