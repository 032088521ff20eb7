"""Every kind of video becomes a ladder with aligned segments, and one MP4 of the top rung."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image

from app.media.decoders import Decoders
from app.media.video.recipe import SEGMENT_SECONDS
from tests.media.video.made import Made, boxes, frames, make_all, samples, together
from tests.media.video.sample_videos import VIDEOS, MakeVideo

CUE = re.compile(r"([\d:.]+) --> ([\d:.]+)\nstoryboard\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)\n")


# 72,000 frames in 7,200 segments.
LONG = "four hours"
TAKES_LONG = (pytest.mark.tier("all", "long runs"), pytest.mark.timeout(600))
ONE_OF_EACH_KIND = ("plain", "quicktime with uncompressed sound", "vp9", "matroska", "hevc", "av1")
MARKS = {LONG: TAKES_LONG} | dict.fromkeys(ONE_OF_EACH_KIND, pytest.mark.tier("test"))
KINDS = [pytest.param(name, marks=MARKS.get(name, ())) for name in VIDEOS]


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_video_becomes_a_ladder_a_storyboard_and_an_mp4(
    decoders: Decoders, video: MakeVideo, folder: Path, name: str
) -> None:
    made = await make_all(decoders, video(name), folder)
    for fact, value in VIDEOS[name].expected.items():
        assert (fact, getattr(made.facts, fact)) == (fact, value)
    assert made.facts.duration_seconds == pytest.approx(VIDEOS[name].seconds, abs=0.1)
    check_playlists(made)
    check_segments(made)
    check_movie(made)
    check_storyboard(made)


def check_playlists(made: Made) -> None:
    """Check that all rungs have the same segment boundaries, and that the playlists state the true durations."""
    lengths = []
    for rung in made.ladder:
        playlist = made.playlist(rung)
        assert playlist.playlist_type == "event"
        assert playlist.is_endlist
        assert playlist.is_independent_segments
        assert playlist.target_duration == SEGMENT_SECONDS
        assert playlist.segment_map[0].uri == f"{rung.name}_init.mp4"
        lengths.append([segment.duration for segment in playlist.segments])
        assert sum(lengths[-1]) == pytest.approx(made.facts.duration_seconds, abs=0.25)
        assert all(abs(length - SEGMENT_SECONDS) <= 0.2 for length in lengths[-1][:-1])
        assert max(lengths[-1]) <= SEGMENT_SECONDS + 0.2
    assert all(each == lengths[0] for each in lengths)


def check_segments(made: Made) -> None:
    """Check that each segment is playable alone after its initialisation, at the time that the playlist states."""
    for rung in made.ladder:
        start = Fraction(0)
        initialisation = made.folder / f"{rung.name}_init.mp4"
        for number, segment in enumerate(made.segments(rung)):
            whole = together([initialisation, segment], made.folder / "alone.mp4")
            images = samples(whole, "video")
            assert images[0].is_key
            assert float(min(image.at for image in images)) == pytest.approx(float(start), abs=0.001)
            if number < 3:
                displayed = frames(whole)
                assert len(displayed) == len(images)
                assert displayed[0].shape == (rung.height, rung.width, 3)
            start += Fraction(len(images)) / Fraction(made.facts.output_rate)


def check_movie(made: Made) -> None:
    """Check that the index comes first and that the samples equal the segments', bit for bit."""
    top = made.ladder[-1]
    path = made.folder / made.movie.file
    assert boxes(path)[:2] == ["ftyp", "moov"]
    pieces = [made.folder / f"{top.name}_init.mp4", *made.segments(top)]
    whole = together(pieces, made.folder / "whole.mp4")
    for kind in ("video", "audio"):
        in_movie, in_pieces = samples(path, kind), samples(whole, kind)
        assert [sample.digest for sample in in_movie] == [sample.digest for sample in in_pieces]
        assert all(before.decoded_at < after.decoded_at for before, after in pairwise(in_movie))
        assert bool(in_movie) == (made.facts.has_audio or kind == "video")
    with av.open(str(path)) as opened:
        assert opened.start_time == 0
        assert (opened.duration or 0) / 1_000_000 == pytest.approx(made.facts.duration_seconds, abs=0.25)
        assert opened.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert [len(opened.streams.video), len(opened.streams)] == [1, 1 + made.facts.has_audio]


def check_storyboard(made: Made) -> None:
    sprite, track = made.storyboard
    cues = CUE.findall((made.folder / track.file).read_text())
    assert cues
    assert cues[0][0] == "00:00:00.000"
    assert all(before[1] == after[0] for before, after in pairwise(cues))
    assert len({tuple(cue[2:4]) for cue in cues}) == len(cues) <= 100
    with Image.open(made.folder / sprite.file) as image:
        assert image.size == (sprite.width, sprite.height)
        for cue in cues:
            left, top, width, height = map(int, cue[2:])
            assert left + width <= image.width
            assert top + height <= image.height
            assert max(width, height) == 160
