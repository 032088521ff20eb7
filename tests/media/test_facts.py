"""Facts about a photo besides its pixels, and private metadata, which no rendition contains."""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from thumbhash import rgba_to_thumb_hash, thumb_hash_to_average_rgba

from app.media.image.exif import read_capture_facts
from app.media.image.placeholder import thumb_hash
from app.media.recipe import RECIPE
from tests.media.sample_images import FILES, make, sample

PRIVATE = ["private.jpg", "private.png", "private.webp"]


@pytest.mark.parametrize("name", PRIVATE)
def test_no_rendition_contains_place_serial_number_or_owner(name: str, tmp_path: Path) -> None:
    assert sample(name).read_bytes().count(b"CANARY") >= 5
    made = make(sample(name), tmp_path)
    for rendition in made.renditions:
        content = (tmp_path / rendition.file).read_bytes()
        for trace in (
            b"CANARY",
            b"Darkroom Works",
            b"Exif",
            b"EXIF",
            b"ns.adobe.com",
            b"xmp",
            b"XMP ",
            b"Photoshop",
            b"GPS",
        ):
            assert trace not in content, (rendition.file, trace)
        with Image.open(tmp_path / rendition.file) as image:
            assert not image.getexif()
            assert not {"exif", "xmp", "comment", "icc_profile", "photoshop"} & image.info.keys()


@pytest.mark.parametrize("name", PRIVATE)
def test_capture_time_and_camera_are_read_from_every_format(name: str, tmp_path: Path) -> None:
    made = make(sample(name), tmp_path)
    assert made.captured_at == datetime(2024, 7, 9, 16, 30, 5, tzinfo=UTC)
    assert made.camera == "Darkroom Works Mark II"


def test_a_capture_time_without_zone_is_read_as_utc(tmp_path: Path) -> None:
    made = make(sample("no_zone.jpg"), tmp_path)
    assert made.captured_at == datetime(2019, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert made.camera == "Acme X1"


@pytest.mark.parametrize("name", ["zero_clock.jpg", "future_clock.jpg", "orientation_1.jpg"])
def test_an_absurd_or_absent_capture_time_is_none(name: str, tmp_path: Path) -> None:
    made = make(sample(name), tmp_path)
    assert made.captured_at is None
    assert made.camera is None


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\x08\0\0\0"])
)
def test_a_broken_exif_block_never_raises(noise: bytes, start: bytes) -> None:
    facts = read_capture_facts(start + noise, now=datetime.now(UTC))
    assert facts.camera is None or len(facts.camera) <= 100


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_an_exif_block_cut_anywhere_raises_no_error(cut: int) -> None:
    header = pyvips.Image.jpegload(str(sample("private.jpg")))
    block = header.get("exif-data")
    facts = read_capture_facts(block[:cut], now=datetime.now(UTC))
    assert facts.captured_at in {
        None,
        datetime(2024, 7, 9, 16, 30, 5, tzinfo=UTC),
        datetime(2024, 7, 9, 18, 30, 5, tzinfo=UTC),
    }


def test_renditions_carry_their_own_size_and_digest(tmp_path: Path) -> None:
    made = make(sample("baseline.jpg"), tmp_path)
    assert [rendition.name for rendition in made.renditions] == [recipe.name for recipe in RECIPE]
    for rendition in made.renditions:
        content = (tmp_path / rendition.file).read_bytes()
        assert rendition.size_bytes == len(content)
        assert rendition.sha256 == hashlib.sha256(content).hexdigest()


def test_sizes_match_the_recipe_and_never_exceed_the_original(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    Image.new("RGB", (1500, 3000), (90, 120, 200)).save(source)
    sizes = {rendition.name: (rendition.width, rendition.height) for rendition in make(source, tmp_path).renditions}
    assert sizes == {"large": (1024, 2048), "fallback": (1024, 2048), "medium": (512, 1024), "small": (200, 400)}
    Image.new("RGB", (301, 200)).save(source)
    assert {(rendition.width, rendition.height) for rendition in make(source, tmp_path).renditions} == {(301, 200)}


def test_a_one_pixel_wide_image_stays_one_pixel_wide(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    Image.new("RGB", (12000, 1), (200, 10, 10)).save(source)
    made = make(source, tmp_path)
    assert (made.renditions[0].width, made.renditions[0].height) == (2048, 1)


@pytest.mark.parametrize("name", ["baseline.jpg", "gray.jpg", "lossy.webp"])
def test_the_placeholder_of_an_opaque_image_matches_the_published_algorithm(name: str) -> None:
    width, height, rgba = _tiny(FILES / name)
    assert (
        thumb_hash(width, height, rgba)
        == base64.b64encode(bytes(rgba_to_thumb_hash(width, height, list(rgba)))).decode()
    )


def test_the_placeholder_of_a_transparent_image_holds_its_colour_and_opacity() -> None:
    placeholder = list(base64.b64decode(thumb_hash(*_tiny(FILES / "palette.png"))))
    # Red, green and blue in equal parts; the fourth quarter is transparent.
    assert thumb_hash_to_average_rgba(placeholder) == pytest.approx((1 / 3, 1 / 3, 1 / 3, 3 / 4), abs=0.05)


def _tiny(file: Path) -> tuple[int, int, bytes]:
    image = Image.open(file)
    with image:
        small = image.convert("RGBA")
        small.thumbnail((24, 24))
        return small.width, small.height, small.tobytes()
