"""Colours and orientation of videos: white, red and left stay white, red and left for every source format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.media.decoders import Decoders
from app.media.video.storyboard import storyboard_of
from tests.media.video.made import PLENTY_SECONDS, Made, frames, make_all
from tests.media.video.sample_videos import H264, X265, encode

PATCHES = ("red", "lime", "blue", "white")
"""From left to right."""
# A scene with white at 203 cd/m2, as BT.2408 recommends, in wide-gamut HDR.
TO_WIDE = "format=gbrp,zscale=tin=709:pin=709:min=gbr:rin=full:p=2020:m=2020_ncl:r=limited:npl=203"

Pixels = NDArray[Any]


def patches(*, seconds: float = 1.0) -> tuple[str, ...]:
    sources = [f"color={name}:size=80x180:rate=10:duration={seconds},format=yuv444p" for name in PATCHES]
    graph = ";".join(f"{source}[p{number}]" for number, source in enumerate(sources))
    row = "".join(f"[p{number}]" for number in range(len(sources)))
    return ("-f", "lavfi", "-i", f"{graph};{row}hstack={len(sources)},scale=out_color_matrix=bt709:out_range=tv")


def colours_of(image: Pixels) -> list[Pixels]:
    """Return the mean colour in the middle of each patch."""
    width = image.shape[1] // len(PATCHES)
    middles = [image[60:120, width * number + width // 3 : width * (number + 1) - width // 3] for number in range(4)]
    return [middle.reshape(-1, 3).mean(axis=0) for middle in middles]


async def poster_of(decoders: Decoders, source: Path, made: Made, folder: Path) -> Pixels:
    scene = folder / "scene"
    scene.mkdir()
    poster = await decoders.make_poster(source, scene, made.facts, limit_seconds=PLENTY_SECONDS)
    with Image.open(poster) as image:
        return np.asarray(image.convert("RGB"))


def check_hues(image: Pixels) -> None:
    red, green, blue, white = colours_of(image)
    assert red[0] > 1.7 * max(red[1], red[2])
    assert green[1] > 1.7 * max(green[0], green[2])
    assert blue[2] > 1.7 * max(blue[0], blue[1])
    assert max(white) - min(white) < 8


@pytest.mark.parametrize(("hdr", "transfer"), [("pq", "smpte2084"), ("hlg", "arib-std-b67")])
async def test_high_dynamic_range_is_converted_to_sdr(
    decoders: Decoders, folder: Path, tmp_path: Path, hdr: str, transfer: str
) -> None:
    source = tmp_path / "wide.mp4"
    encode(source, *patches(), "-vf", f"{TO_WIDE}:t={transfer},format=yuv420p10le", *X265)
    made = await make_all(decoders, source, folder)
    assert made.facts.hdr == hdr
    for image in (frames(folder / "video.mp4")[3], await poster_of(decoders, source, made, folder)):
        check_hues(image)
        white = colours_of(image)[3]
        assert 165 < white.mean() < 250


MATRICES = {
    "bt601": "scale=out_color_matrix=bt601:out_range=tv,setparams=colorspace=smpte170m,format=yuv420p",
    "bt709": "scale=out_color_matrix=bt709:out_range=tv,setparams=colorspace=bt709,format=yuv420p",
    "full range": "scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p",
    "untagged and small": "scale=out_color_matrix=bt601:out_range=tv,setparams=colorspace=unknown,format=yuv420p",
}


@pytest.mark.parametrize("way", MATRICES)
async def test_sdr_colours_stay_unchanged(decoders: Decoders, folder: Path, tmp_path: Path, way: str) -> None:
    source = tmp_path / "plain.mp4"
    encode(source, *patches(), "-vf", MATRICES[way], *(word for word in H264 if word not in {"-pix_fmt", "yuv420p"}))
    made = await make_all(decoders, source, folder)
    for image in (frames(folder / "video.mp4")[3], await poster_of(decoders, source, made, folder)):
        for actual, expected in zip(colours_of(image), np.eye(3) * 255, strict=False):
            assert np.abs(actual - expected).max() < 14
        assert colours_of(image)[3].min() > 245


@pytest.mark.parametrize(
    ("degrees", "row", "expected"),
    # Counter-clockwise, as in the file's matrix: the right side, white, moves to the top.
    [("0", False, PATCHES), ("90", True, PATCHES[::-1]), ("180", False, PATCHES[::-1]), ("270", True, PATCHES)],
)
async def test_a_rotated_phone_video_is_encoded_upright(
    decoders: Decoders, folder: Path, tmp_path: Path, degrees: str, row: bool, expected: tuple[str, ...]
) -> None:
    flat, source = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    encode(flat, *patches(), "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast")
    encode(source, "-display_rotation", degrees, "-i", str(flat), "-c", "copy")
    made = await make_all(decoders, source, folder)
    assert (made.facts.width, made.facts.height) == ((180, 320) if row else (320, 180))
    with Image.open(folder / "storyboard.jpg") as sprite:
        storyboard = storyboard_of(made.facts)
        tile = np.asarray(
            sprite.convert("RGB").crop((0, 0, storyboard.tile_width, storyboard.tile_height)).resize((320, 180))
        )
    if row:
        with Image.open(folder / "storyboard.jpg") as sprite:
            upright = (
                sprite.convert("RGB").crop((0, 0, storyboard.tile_width, storyboard.tile_height)).resize((180, 320))
            )
            tile = np.asarray(upright)
    for image in (frames(folder / "video.mp4")[3], await poster_of(decoders, source, made, folder), tile):
        rotated = image.transpose(1, 0, 2) if row else image
        names = [_name(colour) for colour in colours_of(rotated)]
        assert tuple(names) == expected


def _name(colour: Pixels) -> str:
    bright = [bool(part > 128) for part in colour]
    return "white" if all(bright) else PATCHES[bright.index(True)]


async def test_each_tile_shows_the_first_frame_of_its_seconds(decoders: Decoders, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "rainbow.mp4"
    encode(source, "-f", "lavfi", "-i", "color=red:size=320x180:rate=10:duration=6", "-vf", "hue=H=2*PI*t/6", *H264)
    made = await make_all(decoders, source, folder)
    storyboard, visible = storyboard_of(made.facts), frames(folder / "video.mp4")
    assert storyboard.tiles == 6
    with Image.open(folder / "storyboard.jpg") as sprite:
        pixels = np.asarray(sprite.convert("RGB")).astype(int)
    for tile in range(storyboard.tiles):
        left = tile * storyboard.tile_width
        actual = pixels[: storyboard.tile_height, left : left + storyboard.tile_width].reshape(-1, 3).mean(axis=0)
        assert np.abs(actual - visible[tile * 10].reshape(-1, 3).mean(axis=0)).max() < 12
