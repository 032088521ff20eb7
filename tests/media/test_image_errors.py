"""A file that cannot become a rendition is refused with a typed code and a plain message, and leaves no files."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from app.media.image.renditions import make_image
from app.media.results import MediaError, Probe
from darkroom_shared.items import FailureCode
from tests.media.sample_images import make, sample

OFFSETS = 20


def error_of(source: Path, folder: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        make(source, folder)
    assert not caught.value.passing
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["baseline.jpg", "progressive.jpg", "gray.jpg", "crushed.png", "interlaced.png", "private.webp", "lossless.webp"],
)
@pytest.mark.parametrize("step", range(1, OFFSETS))
def test_a_truncated_image_is_damaged(name: str, step: int, tmp_path: Path) -> None:
    content = sample(name).read_bytes()
    end = last_pixel(content)
    cut = tmp_path / "cut"
    cut.write_bytes(content[: max(16, end * step // OFFSETS)])
    assert error_of(cut, tmp_path).code is FailureCode.DAMAGED
    assert [path.name for path in tmp_path.iterdir()] == ["cut"]


def test_a_cut_file_with_an_end_marker_is_damaged(tmp_path: Path) -> None:
    content = sample("baseline.jpg").read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    assert error_of(cut, tmp_path).code is FailureCode.DAMAGED


def test_a_gap_within_the_pixels_is_damage(tmp_path: Path) -> None:
    content = bytearray(sample("baseline.jpg").read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    hole = tmp_path / "hole"
    hole.write_bytes(content)
    assert error_of(hole, tmp_path).code is FailureCode.DAMAGED


@pytest.mark.parametrize("where", ["before the end", "after the end"])
def test_stray_bytes_around_complete_pixels_are_no_damage(where: str, tmp_path: Path) -> None:
    content = sample("baseline.jpg").read_bytes()
    stray = tmp_path / "stray"
    stray.write_bytes(content[:-2] + b"stray" + content[-2:] if where == "before the end" else content + b"stray" * 99)
    assert make(stray, tmp_path).width == 160


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary,\n",
        b"<svg/>",
        b"I am free for lunch",
        b"RIFF\0\0\0\0WAVE",
        b"\xff\xd8",
        b"%PDF",
    ],
)
def test_an_unknown_format_is_unsupported_whatever_its_name(content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "holiday.jpg"
    source.write_bytes(content)
    error = error_of(source, tmp_path)
    assert error.code is FailureCode.UNSUPPORTED
    assert error.message == "This file is not a picture or video that Darkroom can read."


def test_the_content_decides_the_format_and_not_the_name(tmp_path: Path) -> None:
    source = tmp_path / "really.jpg"
    source.write_bytes(sample("crushed.png").read_bytes())
    probes: list[Probe] = []
    make_image(source, tmp_path, on_probe=probes.append)
    assert probes[0].format == "png"


def test_an_empty_file_is_damaged(tmp_path: Path) -> None:
    source = tmp_path / "empty.jpg"
    source.touch()
    error = error_of(source, tmp_path)
    assert (error.code, error.message) == (FailureCode.DAMAGED, "The file is empty.")


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    source = tmp_path / "bomb.png"
    source.write_bytes(png(30_000, 30_000, zlib.compress(bytes(30_001))))
    error = error_of(source, tmp_path)
    assert error.code is FailureCode.TOO_LARGE
    assert error.message == "This picture is too large: it has 900 megapixels, and 100 is the most."


def test_an_image_at_the_size_limit_is_allowed(tmp_path: Path) -> None:
    source = tmp_path / "vast.png"
    Image.new("1", (10_000, 10_000), 1).save(source, compress_level=1)
    assert make(source, tmp_path).renditions[0].width == 2048


def last_pixel(content: bytes) -> int:
    """Return the offset after the last pixel: a JPEG's end marker and a PNG's chunks after the last IDAT hold none."""
    if not content.startswith(b"\x89PNG"):
        return len(content) - 3
    start = content.rindex(b"IDAT")
    return start + int.from_bytes(content[start - 4 : start])


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))

    header = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
