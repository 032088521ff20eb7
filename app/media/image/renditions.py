"""Makes a photo's renditions: one decode, then each size from the previous one. Runs inside a child only."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_never

import pyvips

from app.media.image import placeholder
from app.media.image.colours import to_srgb
from app.media.image.errors import decoding_errors, too_large
from app.media.image.sources import ImageSource, open_image
from app.media.recipe import RECIPE, WEBP_EFFORT, FileFormat, RenditionRecipe
from app.media.results import MadeImage, Probe, RenditionFile
from app.media.sniff import sniff

MAX_MEGAPIXELS = 100

# Decoding a JPEG at half its size is four times cheaper. At least this factor must remain for the fine resize, which
# alone determines the sharpness of the result.
SPARE_FOR_RESIZE = 1.5
SHRINKS_ON_LOAD = (8, 4, 2)

# EXIF orientations that turn the image by 90 degrees.
SIDEWAYS = range(5, 9)


def make_image(source: Path, folder: Path, *, on_probe: Callable[[Probe], None]) -> MadeImage:
    """Write the recipe's files into `folder`. `on_probe` gets the header before a pixel is decoded.

    Raises MediaError if the file is at fault.
    """
    with decoding_errors():
        opened = open_image(source, sniff(source))
        probe = opened.probe
        on_probe(probe)
        _require_size(probe)
        largest = _decode(opened)
    # From here on the file is not at fault: an error is ours, and ends the child.
    renditions, smallest = _make_renditions(largest, folder)
    width, height = probe.width, probe.height
    if probe.orientation in SIDEWAYS:
        width, height = height, width
    facts = opened.facts
    return MadeImage(width, height, facts.captured_at, facts.camera, _placeholder(smallest), renditions, opened.loop)


def _require_size(probe: Probe) -> None:
    pixels = probe.width * probe.height
    if pixels > MAX_MEGAPIXELS * 1_000_000:
        raise too_large(f"it has {pixels / 1_000_000:.0f} megapixels, and {MAX_MEGAPIXELS} is the most")


def _decode(opened: ImageSource) -> Any:
    """Return the largest rendition's pixels in memory, upright, in sRGB."""
    shrink = _shrink_on_load(opened.probe) if opened.shrinks_on_load else 1
    edge = RECIPE[0].longest_edge
    try:
        # Anything that the decoder has to guess counts as damage; otherwise an image could come out half grey.
        reduced = _resize(opened.load("warning", shrink), edge).copy_memory()
    except pyvips.Error as error:
        if not _is_harmless(str(error)):
            raise
        reduced = _resize(opened.load("error", shrink), edge).copy_memory()
    upright = reduced if opened.probe.orientation == 1 else reduced.autorot()
    return to_srgb(upright).copy_memory()


def _is_harmless(warning: str) -> bool:
    """Return True if only odd markers or stray bytes surround complete pixels, as some cameras write them."""
    if "premature end" in warning or "read error" in warning:
        return False
    if "Corrupt JPEG data" in warning:
        return "extraneous bytes before marker 0xd9" in warning
    return "VipsJpeg" in warning


def _shrink_on_load(probe: Probe) -> int:
    long_edge = max(probe.width, probe.height)
    needed = RECIPE[0].longest_edge * SPARE_FOR_RESIZE
    return next((shrink for shrink in SHRINKS_ON_LOAD if long_edge / shrink >= needed), 1)


def _resize(image: Any, max_edge: int) -> Any:
    """Resize without upscaling. Colour is weighted by alpha, so that transparent pixels leave no fringe."""
    long_edge = max(image.width, image.height)
    if long_edge <= max_edge:
        return image
    width, height = (max(1, round(edge * max_edge / long_edge)) for edge in (image.width, image.height))
    across, down = width / image.width, height / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down)
    return image.premultiply().resize(across, vscale=down).unpremultiply().cast(image.format)


def _make_renditions(largest: Any, folder: Path) -> tuple[tuple[RenditionFile, ...], Any]:
    """Return the files, and the smallest one's pixels."""
    image = largest
    files = []
    for recipe in RECIPE:
        image = _resize(image, recipe.longest_edge).copy_memory()
        files.append(_write(image, recipe, folder))
    return tuple(files), image


def _write(image: Any, recipe: RenditionRecipe, folder: Path) -> RenditionFile:
    content: bytes
    match recipe.format:
        case FileFormat.WEBP:
            content = image.webpsave_buffer(Q=recipe.quality, effort=WEBP_EFFORT, keep="none")
        case FileFormat.JPEG:
            flat = image.flatten(background=255) if image.hasalpha() else image
            content = flat.jpegsave_buffer(Q=recipe.quality, keep="none")
        case _:
            assert_never(recipe.format)
    (folder / recipe.file).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return RenditionFile(recipe.name, recipe.file, recipe.content_type, image.width, image.height, len(content), digest)


def _placeholder(smallest: Any) -> str:
    tiny = _resize(smallest, placeholder.MAX_EDGE)
    rgba = tiny if tiny.hasalpha() else tiny.addalpha()
    return placeholder.thumb_hash(rgba.width, rgba.height, bytes(rgba.write_to_memory()))
