"""Reading of HEIC, whose codec libvips' wheel does not contain; of several images the primary one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyvips
from pillow_heif import HeifImage, open_heif, options

from app.media.image.colours import PRIMARIES, PROFILE
from app.media.image.errors import NEEDS_MEMORY, error_for, too_large, unsupported

# Such a file is read into memory as a whole. A phone's 48 MP take 15 MB, a burst about 60.
MAX_BYTES = 256 * 1024 * 1024

BANDS = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
EIGHT_BIT, SIXTEEN_BIT = "uchar", "ushort"


def open_primary(source: Path) -> HeifImage:
    """Read the header only; libheif's own limits apply to boxes, items and nesting. Raises MediaError."""
    if source.stat().st_size > MAX_BYTES:
        raise too_large(f"a HEIC file may have {MAX_BYTES // 2**20} MB")
    options.DECODE_THREADS = 1  # the worker's slots provide the parallelism
    with _translated_errors():
        file = open_heif(source, convert_hdr_to_8bit=True)
    if len(file) == 0:  # libheif leaves out what it has no decoder for
        raise unsupported()
    return next(image for at, image in enumerate(file) if at == file.primary_index)


def pixels(image: HeifImage) -> Any:
    """Decode the pixels, upright, with their colour information. Raises MediaError."""
    with _translated_errors():
        data = image.data
    width, height = image.size
    decoded = pyvips.Image.new_from_memory(data, width, height, bands(image), pixel(image))
    decoded = decoded.copy(interpretation=interpretation(image))
    if image.premultiplied_alpha:
        decoded = decoded.unpremultiply().cast(pixel(image))
    if profile(image):
        decoded.set_type(pyvips.GValue.blob_type, PROFILE, profile(image))
    match image.info.get("nclx_profile"):
        case {"color_primaries": primaries}:
            decoded.set_type(pyvips.GValue.gint_type, PRIMARIES, int(primaries))
    return decoded


def profile(image: HeifImage) -> bytes:
    """Return the ICC profile; empty if there is none."""
    return _bytes(image, "icc_profile")


def exif(image: HeifImage) -> bytes:
    """Return the EXIF block; empty if there is none."""
    return _bytes(image, "exif")


def _bytes(image: HeifImage, name: str) -> bytes:
    value = image.info.get(name)
    return value if isinstance(value, bytes) else b""


def bands(image: HeifImage) -> int:
    """Return the number of channels, alpha included."""
    return BANDS[image.mode.partition(";")[0]]


def pixel(image: HeifImage) -> str:
    """Return the sample format: ten bits of grey become sixteen, ten bits of colour become eight."""
    return SIXTEEN_BIT if ";" in image.mode else EIGHT_BIT


def interpretation(image: HeifImage) -> str:
    """Return libvips' name of the colour space."""
    if bands(image) > 2:
        return "srgb" if pixel(image) == EIGHT_BIT else "rgb16"
    return "b-w" if pixel(image) == EIGHT_BIT else "grey16"


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Convert pillow-heif's errors, as listed at its `open_heif`, to MediaError."""
    try:
        yield
    except OSError as error:
        raise too_large(NEEDS_MEMORY) from error
    except SyntaxError as error:
        raise error_for(f"unsupported: {error}") from error
    except (ValueError, EOFError, RuntimeError) as error:
        raise error_for(str(error)) from error
