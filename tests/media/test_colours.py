"""Every rendition has the original's colours in sRGB, whatever the original's colour model and format."""

from pathlib import Path

import pytest
from PIL import Image

from app.media.recipe import RECIPE
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

CORNERS = [RED, GREEN, BLUE, WHITE]
FILE_NAMES = [rendition.file for rendition in RECIPE]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_comes_out_upright_for_every_orientation(orientation: int, tmp_path: Path) -> None:
    made = make(sample(f"orientation_{orientation}.jpg"), tmp_path)
    assert (made.width, made.height) == (120, 80)
    for name in FILE_NAMES:
        assert are_close(quadrants(tmp_path / name), CORNERS), name


@pytest.mark.parametrize("name", ["rgb16.png", "interlaced.png", "lossy.webp", "lossless.webp"])
def test_colours_are_preserved_for_every_kind_of_pixel(name: str, tmp_path: Path) -> None:
    make(sample(name), tmp_path)
    for file in FILE_NAMES:
        assert are_close(quadrants(tmp_path / file), CORNERS), file


def test_only_the_first_frame_of_an_animation_is_rendered(tmp_path: Path) -> None:
    make(sample("animated.webp"), tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS)
    with Image.open(tmp_path / "large.webp") as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("name", ["wide_gamut.jpg", "wide_gamut.png", "wide_gamut.webp"])
def test_a_wide_gamut_is_converted_by_its_profile(name: str, tmp_path: Path) -> None:
    make(sample(name), tmp_path)
    # Stored as (200, 100, 50) in the primaries of Display P3, gamma 2.2; the matrices convert it to this sRGB value.
    for file in FILE_NAMES:
        assert are_close(quadrants(tmp_path / file), [(216, 93, 24)] * 4, tolerance=3), file


def test_a_broken_profile_is_ignored(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    with Image.open(sample("orientation_1.jpg")) as image:
        image.save(source, quality=95, icc_profile=b"no profile at all" * 20)
    make(source, tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), CORNERS)


def test_a_profile_for_other_bands_is_ignored(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    with Image.open(sample("gray.jpg")) as image:
        before = quadrants(sample("gray.jpg"))
        image.save(source, icc_profile=sample("wide_gamut.icc").read_bytes())
    make(source, tmp_path)
    assert are_close(quadrants(tmp_path / "large.webp"), before, tolerance=16)


def test_cmyk_is_converted_to_rgb(tmp_path: Path) -> None:
    make(sample("cmyk.jpg"), tmp_path)
    assert_ink_became_light(tmp_path / "large.webp")


@pytest.mark.parametrize("name", ["gray.jpg", "gray16.png"])
def test_grey_stays_grey(name: str, tmp_path: Path) -> None:
    make(sample(name), tmp_path)
    for file in FILE_NAMES:
        for red, green, blue in quadrants(tmp_path / file):
            assert max(red, green, blue) - min(red, green, blue) <= 4


def test_a_progressive_photo_equals_the_baseline_one(tmp_path: Path) -> None:
    make(sample("baseline.jpg"), tmp_path)
    before = [(tmp_path / file).read_bytes() for file in FILE_NAMES]
    make(sample("progressive.jpg"), tmp_path)
    assert [(tmp_path / file).read_bytes() for file in FILE_NAMES] == before


@pytest.mark.parametrize("name", ["palette.png", "alpha.webp"])
def test_transparent_pixels_stay_transparent_and_are_white_in_the_fallback(name: str, tmp_path: Path) -> None:
    make(sample(name), tmp_path)
    for file in ("large.webp", "medium.webp", "small.webp"):
        alphas = [colour[3] for colour in quadrants(tmp_path / file, "RGBA")]
        assert alphas == [255, 255, 255, 0]
    assert are_close(quadrants(tmp_path / "fallback.jpg"), CORNERS)


def test_half_transparent_sixteen_bit_colours_survive(tmp_path: Path) -> None:
    make(sample("rgba16.png"), tmp_path)
    half = [(*colour, 128) for colour in CORNERS]
    assert are_close(quadrants(tmp_path / "large.webp", "RGBA"), half)


def test_shrinking_leaves_no_dark_fringe_around_opaque_pixels(tmp_path: Path) -> None:
    source = tmp_path / "source.png"
    image = Image.new("RGBA", (900, 900), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (225, 225, 675, 675))
    image.save(source)
    make(source, tmp_path)
    with Image.open(tmp_path / "small.webp") as small:
        assert small.size == (400, 400)
        edge = [small.convert("RGBA").getpixel((x, 200)) for x in range(95, 110)]
    assert all(min(pixel[:3]) > 225 for pixel in edge if isinstance(pixel, tuple) and pixel[3] > 60)
