"""Every supported format comes out upright, in its colours, and without private metadata."""

import io
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image

from app.media.image.renditions import make_image
from app.media.recipe import RECIPE
from app.media.results import MediaError, Probe
from darkroom_shared.items import FailureCode
from tests.media.sample_images import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    are_close,
    assert_ink_became_light,
    make,
    quadrants,
    sample,
)
from tests.media.tagged import Entries, TaggedFile

CORNERS = [RED, GREEN, BLUE, WHITE]
TURNED = [BLUE, RED, WHITE, GREEN]
FILE_NAMES = [rendition.file for rendition in RECIPE]
STORED_WIDE = (200, 100, 50)
"""The stored value of the wide colours below; the matrices convert it to the next two in sRGB."""
FROM_P3, FROM_ADOBE_RGB = (216, 93, 24), (227, 100, 42)


def corners() -> Image.Image:
    with Image.open(sample("orientation_1.jpg")) as image:
        return image.convert("RGB")


def probe_of(source: Path, folder: Path) -> Probe:
    probes: list[Probe] = []
    make_image(source, folder, on_probe=probes.append)
    return probes[0]


def write_heic(image: Image.Image, target: Path, more: dict[str, Any]) -> None:
    pillow_heif.from_pillow(image).save(target, quality=95, chroma=444, **more)


def write_avif(image: Image.Image, target: Path, more: dict[str, Any]) -> None:
    image.save(target, "AVIF", quality=95, subsampling="4:4:4", **more)


def write_tiff(image: Image.Image, target: Path, more: dict[str, Any]) -> None:
    image.save(target, "TIFF", **more)


def write_gif(image: Image.Image, target: Path, more: dict[str, Any]) -> None:
    image.save(target, "GIF", **more)


def write_jpeg(image: Image.Image, target: Path, more: dict[str, Any]) -> None:
    image.save(target, "JPEG", quality=95, subsampling=0, **more)


WRITERS = {"heif": write_heic, "avif": write_avif, "tiff": write_tiff, "gif": write_gif, "jpeg": write_jpeg}
WITH_PROFILE = {name: write for name, write in WRITERS.items() if name != "gif"}


@pytest.mark.parametrize("name", WRITERS)
def test_colours_are_preserved_for_each_format(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    WRITERS[name](corners(), source, {})
    assert probe_of(source, tmp_path).format == name
    for file in FILE_NAMES:
        assert are_close(quadrants(tmp_path / file), CORNERS, tolerance=8), file


@pytest.mark.parametrize(
    ("profile", "expected"), [("wide_gamut.icc", FROM_P3), ("adobe_rgb.icc", FROM_ADOBE_RGB)], ids=["p3", "adobe"]
)
@pytest.mark.parametrize("name", WITH_PROFILE)
def test_each_format_is_converted_by_its_profile(
    name: str, profile: str, expected: tuple[int, ...], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    WRITERS[name](Image.new("RGB", (60, 40), STORED_WIDE), source, {"icc_profile": sample(profile).read_bytes()})
    make(source, tmp_path)
    for file in FILE_NAMES:
        assert are_close(quadrants(tmp_path / file), [expected] * 4, tolerance=4), file


@pytest.mark.parametrize("name", ["heif", "avif"])
def test_colours_named_by_a_code_point_are_converted(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    WRITERS[name](Image.new("RGB", (60, 40), STORED_WIDE), source, {})
    content = bytearray(source.read_bytes())
    primaries = content.index(b"colrnclx") + 8
    content[primaries : primaries + 2] = (12).to_bytes(2, "big")  # Display P3 (ISO/IEC 23091-2, table 2)
    source.write_bytes(content)
    make(source, tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), [(215, 93, 31)] * 4, tolerance=4)


@pytest.mark.parametrize("name", ["heif", "avif", "tiff", "jpeg"])
def test_each_format_comes_out_upright_once(name: str, tmp_path: Path) -> None:
    """HEIC and AVIF have a rotation box and repeat it in EXIF: a decoder that applies both rotates twice."""
    source = tmp_path / "source"
    exif = Image.Exif()
    exif[0x0112] = 6
    more = {"tiffinfo": {0x0112: 6}} if name == "tiff" else {"exif": exif.tobytes()}
    WRITERS[name](corners(), source, more)
    made = make(source, tmp_path)
    assert (made.width, made.height) == (80, 120)
    assert are_close(quadrants(tmp_path / "large.webp"), TURNED, tolerance=8)


def test_only_the_primary_image_of_a_heic_is_rendered(tmp_path: Path) -> None:
    several = pillow_heif.from_pillow(Image.new("RGB", (64, 64), RED))
    several.add_from_pillow(corners())
    several.add_from_pillow(Image.new("RGB", (64, 64), BLUE))
    several.save(tmp_path / "source", quality=95, chroma=444, primary_index=1)
    made = make(tmp_path / "source", tmp_path)
    assert (made.width, made.height) == (120, 80)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS, tolerance=8)


def test_the_tiles_of_a_heic_are_assembled(tmp_path: Path) -> None:
    whole = Image.new("RGB", (240, 160))
    whole.paste(corners().resize((240, 160), Image.Resampling.NEAREST))
    write_heic(whole, tmp_path / "source", {"tile_size": 64})
    made = make(tmp_path / "source", tmp_path)
    assert (made.width, made.height) == (240, 160)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS, tolerance=8)


def test_a_ten_bit_heic_is_converted_to_eight_bits(tmp_path: Path) -> None:
    deep = np.asarray(corners(), dtype=np.uint16) * 257
    image = pillow_heif.from_bytes("RGB;16", (120, 80), deep.tobytes())
    image.save(tmp_path / "source", quality=95, chroma=444)
    assert pillow_heif.open_heif(tmp_path / "source", convert_hdr_to_8bit=False).info["bit_depth"] == 10
    make(tmp_path / "source", tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS, tolerance=8)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("name", ["heif", "avif", "tiff", "gif"])
def test_grey_and_transparent_images_of_each_format_decode(name: str, mode: str, tmp_path: Path) -> None:
    half = corners().convert(mode)
    if mode == "RGBA":
        half.paste((0, 0, 0, 0), (60, 40, 120, 80))
    WRITERS[name](half, tmp_path / "source", {})
    make(tmp_path / "source", tmp_path)
    colours = quadrants(tmp_path / "large.webp", "RGBA")
    expected = [WHITE] * 4 if mode == "L" else CORNERS
    assert [colour[3] for colour in colours] == ([255] * 4 if mode == "L" else [255, 255, 255, 0])
    if mode == "RGBA":
        assert are_close([colour[:3] for colour in colours[:3]], expected[:3], tolerance=8)


@pytest.mark.parametrize(
    "options",
    [
        {"tile": True, "tile_width": 32, "tile_height": 32},
        {"compression": "jpeg", "Q": 95},
        {"compression": "deflate", "predictor": "horizontal"},
        {"bigtiff": True},
        {"pyramid": True, "tile": True, "tile_width": 16, "tile_height": 16},
    ],
    ids=["tiled", "jpeg", "deflate", "big", "pyramid"],
)
@pytest.mark.parametrize("depth", ["uchar", "ushort"])
def test_every_arrangement_of_a_tiff_is_read(options: dict[str, Any], depth: str, tmp_path: Path) -> None:
    if depth == "ushort" and options.get("compression") == "jpeg":
        options = {"compression": "lzw"}
    image = pyvips.Image.new_from_array(np.asarray(corners()), interpretation="srgb")
    if depth == "ushort":
        image = image.colourspace("rgb16")
    image.tiffsave(str(tmp_path / "source"), **options)
    make(tmp_path / "source", tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS, tolerance=8)


def test_a_cmyk_tiff_is_converted_to_rgb(tmp_path: Path) -> None:
    write_tiff(corners().convert("CMYK"), tmp_path / "source", {})
    make(tmp_path / "source", tmp_path)
    assert_ink_became_light(tmp_path / "large.webp")


@pytest.mark.parametrize("name", ["tiff", "gif"])
def test_only_the_first_page_or_frame_is_rendered(name: str, tmp_path: Path) -> None:
    layers = [Image.new("RGB", (120, 80), colour) for colour in (BLUE, RED)]
    WRITERS[name](corners(), tmp_path / "source", {"save_all": True, "append_images": layers})
    assert probe_of(tmp_path / "source", tmp_path).frames == 3
    for file in FILE_NAMES:
        assert are_close(quadrants(tmp_path / file), CORNERS, tolerance=8), file


def test_extra_bands_of_an_image_are_ignored(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(np.asarray(corners()), interpretation="srgb")
    image.bandjoin([255, 7, 9]).tiffsave(str(tmp_path / "source"))
    make(tmp_path / "source", tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS, tolerance=8)


def test_a_photo_with_an_appended_video_is_a_photo(tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", str(video)]
    subprocess.run(command, check=True)  # noqa: S603  our own static encoder
    (tmp_path / "source").write_bytes(sample("orientation_1.jpg").read_bytes() + video.read_bytes())
    assert probe_of(tmp_path / "source", tmp_path).format == "jpeg"
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS)


def private_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x013B] = "Darkroom Works", "Darkroom Works Mark II", "CANARY-ARTIST"
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2024:07:09 18:30:05", "+02:00"
    inner[0xA431], inner[0xA435] = "CANARY-BODY", "CANARY-LENS"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[18] = "N", (48.0, 12.0, 30.0), "CANARY-DATUM"
    return exif.tobytes()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>CANARY-XMP</rdf:RDF></x:xmpmeta>'


@pytest.mark.parametrize("name", ["heif", "avif", "tiff"])
def test_no_rendition_of_any_format_contains_private_metadata(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    WRITERS[name](corners(), source, {"exif": private_exif()} | ({} if name == "tiff" else {"xmp": XMP}))
    assert source.read_bytes().count(b"CANARY") >= 4
    made = make(source, tmp_path)
    assert made.captured_at == datetime(2024, 7, 9, 16, 30, 5, tzinfo=UTC)
    assert made.camera == "Darkroom Works Mark II"
    for file in FILE_NAMES:
        content = (tmp_path / file).read_bytes()
        for trace in (b"CANARY", b"Darkroom Works", b"Exif", b"EXIF", b"XMP ", b"xmpmeta", b"GPS", b"ICCP"):
            assert trace not in content, (file, trace)


def camera_jpeg(size: tuple[int, int] = (120, 80)) -> bytes:
    written = io.BytesIO()
    corners().resize(size, Image.Resampling.NEAREST).save(written, "JPEG", quality=95, subsampling=0)
    return written.getvalue()


def raw_file(*, preview: bool = True, orientation: int = 1) -> bytes:
    """Return a file laid out as a DNG: first a thumbnail, in its folder those of the sensor's data and of the
    preview.
    """
    file = TaggedFile()
    sensor = file.put(b"\xff\xd8\xff\xc3\0\x0b\x10" + bytes(4000))
    small, large = camera_jpeg((30, 20)), camera_jpeg()
    inner = [file.folder({0xFE: 0, 0x103: 7, 0x106: 32803, 0x111: sensor, 0x117: 4007})]
    if preview:
        inner.append(file.folder({0xFE: 1, 0x103: 7, 0x106: 6, 0x111: file.put(large), 0x117: len(large)}))
    thumbnail: Entries = {0x201: file.put(small), 0x202: len(small)} if preview else {}
    exif = file.folder({0x9003: "2024:07:09 18:30:05", 0xA431: "CANARY-BODY"})
    camera: Entries = {0x10F: "Darkroom Works", 0x110: "Mark II", 0x112: orientation}
    return file.begin_at(file.folder({**camera, **thumbnail, 0x14A: tuple(inner), 0x8769: exif, 0xC612: 0x01040000}))


def test_the_embedded_preview_of_a_raw_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(raw_file(orientation=6))
    made = make(tmp_path / "source", tmp_path)
    assert (made.width, made.height) == (80, 120)
    assert made.camera == "Darkroom Works Mark II"
    assert made.captured_at == datetime(2024, 7, 9, 18, 30, 5, tzinfo=UTC)
    assert are_close(quadrants(tmp_path / "large.webp"), TURNED, tolerance=8)
    assert b"CANARY" not in b"".join((tmp_path / file).read_bytes() for file in FILE_NAMES)


def test_a_raw_file_without_an_embedded_preview_is_unsupported(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(raw_file(preview=False))
    with pytest.raises(MediaError) as caught:
        make(tmp_path / "source", tmp_path)
    assert caught.value.code is FailureCode.UNSUPPORTED


@pytest.mark.parametrize("step", range(1, 20))
@pytest.mark.parametrize("name", ["heif", "avif", "tiff", "gif"])
def test_a_file_of_any_format_that_is_cut_off_anywhere_is_refused(name: str, step: int, tmp_path: Path) -> None:
    with Image.open(sample("baseline.jpg")) as scene:
        WRITERS[name](scene.convert("RGB"), tmp_path / "whole", {})
    content = (tmp_path / "whole").read_bytes()
    source = tmp_path / "cut"
    source.write_bytes(content[: len(content) * step // 20])
    with pytest.raises(MediaError) as caught:
        make(source, tmp_path)
    assert caught.value.code in {FailureCode.DAMAGED, FailureCode.UNSUPPORTED}
