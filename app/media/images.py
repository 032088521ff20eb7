"""Makes a photo's renditions: one decode, then each size from the one above it. Runs inside a child only."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_never

import pyvips

from app.media import placeholder
from app.media.colours import to_srgb
from app.media.exif import CaptureFacts, read_capture_facts
from app.media.protocol import OUT_OF_MEMORY
from app.media.recipe import RECIPE, WEBP_EFFORT, FileFormat, RenditionRecipe
from app.media.results import MadeImage, MediaError, Probe, RenditionFile
from app.media.sniff import UNSUPPORTED, SourceFormat, sniff
from shared.items import FailureCode

MOST_MEGAPIXELS = 100

# Decoding a JPEG at half its size is four times cheaper; half as much again must be left for the fine resize, which
# alone decides how sharp the result is.
SPARE_FOR_RESIZE = 1.5
SHRINKS_ON_LOAD = (8, 4, 2)

# EXIF orientations whose picture lies on its side.
SIDEWAYS = range(5, 9)

DAMAGED = "This picture is damaged or was cut off. Please upload it again from where it came."


def make_image(source: Path, folder: Path, *, on_probe: Callable[[Probe], None]) -> MadeImage:
    """Writes the recipe's files into `folder`. `on_probe` hears the header before a pixel is decoded.

    Raises MediaError when the file is the reason.
    """
    with decoding_errors():
        source_format = sniff(source)
        header = _open(source, source_format, fail_on="error", shrink=1)
        probe = _probe(header, source_format)
        on_probe(probe)
        _require_size(probe)
        largest = _decode(source, source_format, probe)
        facts = _capture_facts(header)
    # From here on the file is not to blame: an error is a fault of ours, and ends the child.
    renditions, smallest = _make_renditions(largest, folder)
    width, height = probe.width, probe.height
    if probe.orientation in SIDEWAYS:
        width, height = height, width
    return MadeImage(width, height, facts.captured_at, facts.camera, _placeholder(smallest), renditions)


@contextmanager
def decoding_errors() -> Iterator[None]:
    """Turns what libvips says about a file into what its owner can understand."""
    try:
        yield
    except MemoryError as error:
        raise _too_large("it needs more memory than a picture may take") from error
    except pyvips.Error as error:
        said = str(error).lower()
        if OUT_OF_MEMORY in said:
            raise _too_large("it needs more memory than a picture may take") from error
        if "unsupported" in said or "not supported" in said:
            message = "This picture is of a kind that Darkroom cannot read."
            raise MediaError(FailureCode.UNSUPPORTED, message) from error
        raise MediaError(FailureCode.DAMAGED, DAMAGED) from error


def _open(source: Path, source_format: SourceFormat, *, fail_on: str, shrink: int) -> Any:
    """Reads the header only; the loader is named by us, so the content cannot choose another."""
    options = {"access": "sequential", "fail_on": fail_on}
    match source_format:
        case SourceFormat.JPEG:
            return pyvips.Image.jpegload(str(source), shrink=shrink, **options)
        case SourceFormat.PNG:
            return pyvips.Image.pngload(str(source), **options)
        case SourceFormat.WEBP:
            return pyvips.Image.webpload(str(source), **options)
    raise MediaError(FailureCode.UNSUPPORTED, UNSUPPORTED)


def _probe(header: Any, source_format: SourceFormat) -> Probe:
    def field(name: str, absent: Any) -> Any:
        return header.get(name) if header.get_typeof(name) else absent

    return Probe(
        format=source_format.value,
        width=header.width,
        height=header.height,
        bands=header.bands,
        pixel=header.format,
        interpretation=header.interpretation,
        orientation=field("orientation", 1),
        profile_bytes=len(field("icc-profile-data", b"")),
    )


def _require_size(probe: Probe) -> None:
    pixels = probe.width * probe.height
    if pixels > MOST_MEGAPIXELS * 1_000_000:
        raise _too_large(f"it has {pixels / 1_000_000:.0f} megapixels, and {MOST_MEGAPIXELS} is the most")


def _too_large(why: str) -> MediaError:
    return MediaError(FailureCode.TOO_LARGE, f"This picture is too large: {why}.")


def _decode(source: Path, source_format: SourceFormat, probe: Probe) -> Any:
    """The largest rendition's pixels in memory, upright, in sRGB."""
    shrink = _shrink_on_load(probe) if source_format is SourceFormat.JPEG else 1
    edge = RECIPE[0].longest_edge
    try:
        # Anything that the decoder has to guess counts as damage, lest a picture come out half grey.
        reduced = _resize(_open(source, source_format, fail_on="warning", shrink=shrink), edge).copy_memory()
    except pyvips.Error as error:
        if not _is_harmless(str(error)):
            raise
        reduced = _resize(_open(source, source_format, fail_on="error", shrink=shrink), edge).copy_memory()
    upright = reduced if probe.orientation == 1 else reduced.autorot()
    return to_srgb(upright).copy_memory()


def _is_harmless(warning: str) -> bool:
    """Cameras do write odd markers and stray bytes around complete pixels; missing pixels are something else."""
    if "premature end" in warning or "read error" in warning:
        return False
    if "Corrupt JPEG data" in warning:
        return "extraneous bytes before marker 0xd9" in warning
    return "VipsJpeg" in warning


def _shrink_on_load(probe: Probe) -> int:
    longest = max(probe.width, probe.height)
    needed = RECIPE[0].longest_edge * SPARE_FOR_RESIZE
    return next((shrink for shrink in SHRINKS_ON_LOAD if longest / shrink >= needed), 1)


def _resize(image: Any, longest_edge: int) -> Any:
    """Never upscales. Colour is weighed by alpha, so that what is transparent leaves no fringe."""
    longest = max(image.width, image.height)
    if longest <= longest_edge:
        return image
    width, height = (max(1, round(edge * longest_edge / longest)) for edge in (image.width, image.height))
    across, down = width / image.width, height / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down)
    return image.premultiply().resize(across, vscale=down).unpremultiply().cast(image.format)


def _make_renditions(largest: Any, folder: Path) -> tuple[tuple[RenditionFile, ...], Any]:
    """The files, and the smallest one's pixels."""
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
    tiny = _resize(smallest, placeholder.LONGEST_EDGE)
    rgba = tiny if tiny.hasalpha() else tiny.addalpha()
    return placeholder.thumb_hash(rgba.width, rgba.height, bytes(rgba.write_to_memory()))


def _capture_facts(header: Any) -> CaptureFacts:
    block = header.get("exif-data") if header.get_typeof("exif-data") else b""
    return read_capture_facts(block, now=datetime.now(UTC))
