"""The format of a file follows from its first bytes alone."""

import struct
from pathlib import Path

import pytest

from app.media.results import MediaError
from app.media.sniff import SourceFormat, sniff
from darkroom_shared.items import FailureCode, ItemKind


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">L", 8 + len(content)) + name + content


def brands(major: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", major + bytes(4) + b"".join(compatible))


def written(content: bytes, folder: Path) -> Path:
    source = folder / "holiday.jpg"
    source.write_bytes(content)
    return source


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"GIF87a" + bytes(20), SourceFormat.GIF),
        (b"II*\0" + bytes(20), SourceFormat.TIFF),
        (b"MM\0*" + bytes(20), SourceFormat.TIFF),
        (b"II+\0" + bytes(20), SourceFormat.TIFF),
        (brands(b"heic", b"mif1", b"heic"), SourceFormat.HEIF),
        (brands(b"mif1", b"mif1", b"heic"), SourceFormat.HEIF),
        (brands(b"mif1", b"avif", b"miaf"), SourceFormat.AVIF),
        (brands(b"avis", b"msf1"), SourceFormat.AVIF),
        (brands(b"isom", b"iso2", b"avc1"), SourceFormat.MP4),
        (brands(b"qt  "), SourceFormat.MP4),
        (box(b"moov", b""), SourceFormat.MP4),
        (box(b"wide", b"") + struct.pack(">L", 1) + b"mdat", SourceFormat.MP4),
        (b"\0\0\0\x01mdat" + bytes(20), SourceFormat.MP4),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", SourceFormat.MATROSKA),
        (b"\x1a\x45\xdf\xa3\x8f\x42\x82\x84webm", SourceFormat.MATROSKA),
    ],
)
def test_the_first_bytes_determine_the_format(content: bytes, expected: SourceFormat, tmp_path: Path) -> None:
    assert sniff(written(content, tmp_path)) is expected


@pytest.mark.parametrize(
    "content",
    [
        b"Feel free to look at it",
        brands(b"crx ", b"isom"),
        brands(b"M4A ", b"isom"),
        b"\0\0\0\x0cjP  \r\n\x87\n" + brands(b"jp2 "),
        b"\x1a\x45\xdf\xa3\x8f\x42\x82\x84mine",
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile 'http://localhost/'\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x1f\x8b\x08",
        b"PK\x03\x04",
    ],
)
def test_unsupported_content_is_refused_before_any_decoder_reads_it(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        sniff(written(content, tmp_path))
    assert caught.value.code is FailureCode.UNSUPPORTED


def test_only_video_containers_are_processed_as_video() -> None:
    videos = {each for each in SourceFormat if each.kind is ItemKind.VIDEO}
    assert videos == {SourceFormat.MP4, SourceFormat.MATROSKA}
