"""Opens an image of any format: first its header, which is cheap; its pixels on demand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyvips

from app.media.image import heif
from app.media.image.animation import loop_of
from app.media.image.colours import PRIMARIES, PROFILE
from app.media.image.errors import too_large, unsupported
from app.media.image.exif import CaptureFacts, capture_facts, read_capture_facts
from app.media.image.raw import Raw, read_raw
from app.media.image.tags import Tags
from app.media.image.webp import count_frames
from app.media.results import Loop, MediaError, Probe
from app.media.sniff import UNSUPPORTED, SourceFormat
from darkroom_shared.items import FailureCode

EXIF, ORIENTATION, PAGES = "exif-data", "orientation", "n-pages"

# Alpha included; a TIFF may have more bands, which no rendition can show.
MAX_BANDS = {"cmyk": 5}
MAX_BANDS_BY_DEFAULT = 4

# Two minutes of an animation at the usual 25 frames a second.
MAX_FRAMES = 3_000

# In a file of boxes the colour information precedes the pixels.
COLOUR_HEAD_BYTES = 64 * 1024
CODED_COLOURS = b"colrnclx"

Load = Callable[[str, int], Any]
"""Returns rows of pixels decoded on access; arguments: what counts as an error, and the reduction (JPEG only)."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An opened image: facts from its header, and how to load the pixels. `loop` is None unless it is an animation."""

    probe: Probe
    facts: CaptureFacts
    load: Load
    shrinks_on_load: bool = False
    loop: Loop | None = None


def open_image(source: Path, source_format: SourceFormat) -> ImageSource:
    """Open the image without decoding a pixel. We select the loader, so that the content cannot choose another.

    Raises MediaError, pyvips.Error.
    """
    match source_format:
        case SourceFormat.JPEG:
            return _open_jpeg(source)
        case SourceFormat.PNG:
            return _of_header(source_format, _loader(pyvips.Image.pngload, source))
        case SourceFormat.WEBP:
            _require_frames(count_frames(source, limit=MAX_FRAMES))
            return _of_header(source_format, _loader(pyvips.Image.webpload, source))
        case SourceFormat.GIF:
            opened = _of_header(source_format, _loader(pyvips.Image.gifload, source))
            _require_frames(opened.probe.frames)
            return opened
        case SourceFormat.AVIF:
            return _open_avif(source)
        case SourceFormat.TIFF:
            return _open_tiff(source)
        case SourceFormat.HEIF:
            return _open_heif(source)
    raise MediaError(FailureCode.UNSUPPORTED, UNSUPPORTED)


def _loader(load: Any, source: Path) -> Load:
    return lambda fail_on, shrink: load(str(source), access="sequential", fail_on=fail_on)


def _of_header(source_format: SourceFormat, load: Load) -> ImageSource:
    header = load("error", 1)
    facts = read_capture_facts(_field(header, EXIF, b""), now=datetime.now(UTC))
    probe = _probe(header, source_format.value)
    return ImageSource(probe, facts, load, loop=loop_of(header, probe.frames))


def _require_frames(frames: int) -> None:
    if frames > MAX_FRAMES:
        raise too_large(f"it has more than {MAX_FRAMES:,} frames")


def _open_jpeg(source: Path) -> ImageSource:
    def load(fail_on: str, shrink: int) -> Any:
        return pyvips.Image.jpegload(str(source), access="sequential", fail_on=fail_on, shrink=shrink)

    return replace(_of_header(SourceFormat.JPEG, load), shrinks_on_load=True)


def _open_avif(source: Path) -> ImageSource:
    primaries = _coded_primaries(source)

    def load(fail_on: str, shrink: int) -> Any:
        image = pyvips.Image.heifload(str(source), access="sequential", fail_on=fail_on)
        if primaries is None:
            return image
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, PRIMARIES, primaries)
        return image

    # libvips reports no frame times of a sequence, so it becomes a still image.
    return replace(_of_header(SourceFormat.AVIF, load), loop=None)


def _coded_primaries(source: Path) -> int | None:
    """Return the number of ISO/IEC 23091-2; libvips does not report it."""
    with source.open("rb") as file:
        head = file.read(COLOUR_HEAD_BYTES)
    at = head.find(CODED_COLOURS)
    return int.from_bytes(head[at + 8 : at + 10], "big") if at >= 0 else None


def _open_tiff(source: Path) -> ImageSource:
    """Open the first page; for a camera's raw file open the preview that the camera stored in it."""
    with source.open("rb") as file:
        facts = capture_facts(Tags.open_file(file), now=datetime.now(UTC))
        raw = read_raw(file)
    if raw is not None:
        return _open_raw(raw, facts)

    def load(fail_on: str, shrink: int) -> Any:
        image = pyvips.Image.tiffload(str(source), access="sequential", fail_on=fail_on)
        limit = MAX_BANDS.get(image.interpretation, MAX_BANDS_BY_DEFAULT)
        return image.extract_band(0, n=limit) if image.bands > limit else image

    return ImageSource(_probe(load("error", 1), SourceFormat.TIFF.value), facts, load)


def _open_raw(raw: Raw, facts: CaptureFacts) -> ImageSource:
    preview = raw.preview
    if preview is None:
        raise unsupported()

    def load(fail_on: str, shrink: int) -> Any:
        image = pyvips.Image.jpegload_buffer(preview, access="sequential", fail_on=fail_on, shrink=shrink).copy()
        image.set_type(pyvips.GValue.gint_type, ORIENTATION, raw.orientation)
        return image

    return ImageSource(_probe(load("error", 1), "raw"), facts, load, shrinks_on_load=True)


def _open_heif(source: Path) -> ImageSource:
    image = heif.open_primary(source)
    width, height = image.size
    probe = Probe(
        format=SourceFormat.HEIF.value,
        width=width,
        height=height,
        bands=heif.bands(image),
        pixel=heif.pixel(image),
        interpretation=heif.interpretation(image),
        orientation=1,  # libheif rotates it
        profile_bytes=len(heif.profile(image)),
    )
    facts = read_capture_facts(heif.exif(image), now=datetime.now(UTC))
    return ImageSource(probe, facts, lambda fail_on, shrink: heif.pixels(image))


def _probe(header: Any, name: str) -> Probe:
    return Probe(
        format=name,
        width=header.width,
        height=header.height,
        bands=header.bands,
        pixel=header.format,
        interpretation=header.interpretation,
        orientation=_field(header, ORIENTATION, 1),
        profile_bytes=len(_field(header, PROFILE, b"")),
        frames=_field(header, PAGES, 1),
    )


def _field(header: Any, name: str, absent: Any) -> Any:
    return header.get(name) if header.get_typeof(name) else absent
