"""File format by the first bytes; name and declared type are ignored."""

from enum import StrEnum
from pathlib import Path
from typing import assert_never

from app.media.results import MediaError
from darkroom_shared.items import FailureCode, ItemKind

HEAD_BYTES = 4096
UNSUPPORTED = "This file is not a picture or video that Darkroom can read."

# Brands of `ftyp` (ISO/IEC 23008-12 annex B, mp4ra.org). For `mif1` and `msf1` the compatible brands name the codec.
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
OPEN_BRANDS = frozenset({b"mif1", b"msf1", b"mif2"})
# ISO files that are neither supported images nor videos: Canon's CR3, JPEG 2000, audio books and songs.
UNSUPPORTED_BRANDS = frozenset({b"crx ", b"jp2 ", b"jpx ", b"jxl ", b"M4A ", b"M4B ", b"M4P ", b"F4A "})
# First atoms of a QuickTime file without `ftyp`. Fillers must also fit into the file, since text may begin like them.
MOVIE_ATOMS = frozenset({b"moov", b"mdat"})
FILLER_ATOMS = frozenset({b"wide", b"free", b"skip", b"pnot"})
# The EBML head contains the format within its first few elements (RFC 8794, 11.2.8).
EBML, EBML_HEAD_BYTES = b"\x1a\x45\xdf\xa3", 64


class SourceFormat(StrEnum):
    """The formats that are accepted, by content. The file's name and declared type do not count."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    TIFF = "tiff"
    """Includes the formats based on it: DNG, CR2, NEF, ARW."""
    HEIF = "heif"
    AVIF = "avif"
    MP4 = "mp4"
    """Includes MOV, with or without `ftyp`."""
    MATROSKA = "matroska"
    """Includes WebM."""

    @property
    def kind(self) -> ItemKind:
        """How the file is processed; an animation is processed as an image and becomes a video."""
        match self:
            case SourceFormat.MP4 | SourceFormat.MATROSKA:
                return ItemKind.VIDEO
            case SourceFormat.JPEG | SourceFormat.PNG | SourceFormat.WEBP | SourceFormat.GIF | SourceFormat.TIFF:
                return ItemKind.IMAGE
            case SourceFormat.HEIF | SourceFormat.AVIF:
                return ItemKind.IMAGE
        assert_never(self)


def sniff(source: Path) -> SourceFormat:
    """Read only the first bytes. Raises MediaError for an empty file and for every other format."""
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise MediaError(FailureCode.DAMAGED, "The file is empty.")
    source_format = _image(head) or _boxes(head, source.stat().st_size) or _ebml(head)
    if source_format is None:
        raise MediaError(FailureCode.UNSUPPORTED, UNSUPPORTED)
    return source_format


def _image(head: bytes) -> SourceFormat | None:
    if head.startswith(b"\xff\xd8\xff"):
        return SourceFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return SourceFormat.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return SourceFormat.WEBP
    if head.startswith((b"GIF87a", b"GIF89a")):
        return SourceFormat.GIF
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):  # `+` marks a BigTIFF
        return SourceFormat.TIFF
    return None


def _boxes(head: bytes, file_bytes: int) -> SourceFormat | None:
    """Return the format of a file of boxes (ISO/IEC 14496-12): each begins with its size and four letters."""
    size, name = int.from_bytes(head[:4], "big"), head[4:8]
    if name in MOVIE_ATOMS or (name in FILLER_ATOMS and 8 <= size <= file_bytes):
        return SourceFormat.MP4
    if name != b"ftyp":
        return None
    major = head[8:12]
    compatible = {head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4)}
    if major in UNSUPPORTED_BRANDS:
        return None
    if major in AVIF_BRANDS or (major in OPEN_BRANDS and compatible & AVIF_BRANDS):
        return SourceFormat.AVIF
    if major in HEIF_BRANDS | OPEN_BRANDS:
        return SourceFormat.HEIF
    return SourceFormat.MP4


def _ebml(head: bytes) -> SourceFormat | None:
    if not head.startswith(EBML):
        return None
    start = head[:EBML_HEAD_BYTES]
    return SourceFormat.MATROSKA if b"matroska" in start or b"webm" in start else None
