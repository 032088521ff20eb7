"""The rungs of a video's ladder."""

import pytest

from app.media.results import Container, Matrix, VideoFacts
from app.media.video.recipe import ladder_of


def facts(width: int, height: int, *, rate: str = "30/1", sound: bool = True) -> VideoFacts:
    return VideoFacts(
        container=Container.MP4,
        codec="h264",
        pixel_format="yuv420p",
        width=width,
        height=height,
        duration_seconds=10.0,
        frame_rate=30.0,
        output_rate=rate,
        hdr=None,
        matrix=Matrix.BT709,
        wide_gamut=False,
        full_range=False,
        video_stream=0,
        audio_stream=1 if sound else None,
    )


@pytest.mark.parametrize(
    ("width", "height", "ladder"),
    [
        (1920, 1080, [("360p", 640, 360), ("720p", 1280, 720), ("1080p", 1920, 1080)]),
        (3840, 2160, [("360p", 640, 360), ("720p", 1280, 720), ("1080p", 1920, 1080)]),
        (1080, 1920, [("360p", 360, 640), ("720p", 720, 1280), ("1080p", 1080, 1920)]),
        (1280, 720, [("360p", 640, 360), ("720p", 1280, 720)]),
        (720, 480, [("360p", 540, 360), ("480p", 720, 480)]),
        (640, 360, [("360p", 640, 360)]),
        (400, 400, [("400p", 400, 400)]),
        (320, 180, [("180p", 320, 180)]),
        (321, 181, [("181p", 320, 180)]),
        (8192, 1024, [("360p", 2880, 360), ("512p", 4096, 512)]),
        (1, 1, [("1p", 2, 2)]),
    ],
)
def test_a_video_is_never_enlarged_and_its_aspect_ratio_is_preserved(
    width: int, height: int, ladder: list[tuple[str, int, int]]
) -> None:
    assert [(rung.name, rung.width, rung.height) for rung in ladder_of(facts(width, height))] == ladder


def test_a_rung_names_its_codecs_as_players_require() -> None:
    assert [rung.codecs for rung in ladder_of(facts(1920, 1080))] == [
        "avc1.64001e,mp4a.40.2",
        "avc1.64001f,mp4a.40.2",
        "avc1.640028,mp4a.40.2",
    ]
    assert ladder_of(facts(1920, 1080, rate="60/1", sound=False))[-1].codecs == "avc1.64002a"
