"""Checks of playlists against RFC 8216, rule by rule, as players get them; `m3u8` parses each of them, too."""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import m3u8

ONCE = ("#EXTM3U", "#EXT-X-VERSION", "#EXT-X-INDEPENDENT-SEGMENTS")
ONCE_IN_MEDIA = (
    *ONCE,
    "#EXT-X-START",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-MAP",
)
MAIN_TAGS = frozenset({*ONCE, "#EXT-X-STREAM-INF"})
MEDIA_TAGS = frozenset({*ONCE_IN_MEDIA, "#EXTINF", "#EXT-X-ENDLIST"})
MAP_VERSION = 6
"""The version that EXT-X-MAP requires in a playlist that is not of I-frames only (section 7)."""
STREAM = re.compile(
    r"#EXT-X-STREAM-INF:BANDWIDTH=[1-9]\d*(,AVERAGE-BANDWIDTH=[1-9]\d*)?,"
    r'CODECS="avc1\.[0-9a-f]{6}(,mp4a\.40\.2)?",RESOLUTION=[1-9]\d*x[1-9]\d*,FRAME-RATE=\d+\.\d{3}'
)
END = "#EXT-X-ENDLIST"


@dataclass(frozen=True, slots=True)
class Media:
    """The contents of a media playlist."""

    initialisation: str
    segments: tuple[tuple[str, float], ...]
    ended: bool

    @property
    def uris(self) -> list[str]:
        return [self.initialisation, *(uri for uri, _ in self.segments)]


def read_main(text: str) -> dict[str, dict[str, object]]:
    """Return the attributes of each media playlist by its URI. Raise AssertionError where a rule is broken."""
    lines = _lines(text)
    _require_tags(lines, MAIN_TAGS, ONCE)
    streams = [line for line in lines if line.startswith("#EXT-X-STREAM-INF")]
    assert all(STREAM.fullmatch(line) for line in streams), (
        "4.3.4.2: BANDWIDTH is required, each attribute has its form"
    )
    for line, next_line in pairwise([*lines, ""]):
        matched = bool(next_line) and not next_line.startswith("#")
        assert matched == line.startswith("#EXT-X-STREAM-INF"), "4.3.4.2: the URI follows its tag immediately"
    read = m3u8.loads(text)
    assert read.is_variant
    assert not read.segments, "4.1: a playlist is a master or a media playlist, not both"
    assert len(read.playlists) == len(streams)
    sizes = [each.stream_info.resolution for each in read.playlists]
    assert sizes == sorted(sizes), "our own rule: the smallest first"
    return {each.uri: vars(each.stream_info) for each in read.playlists}


def read_media(text: str, before: str | None = None) -> Media:
    """Return the playlist's contents. Raise AssertionError where a rule is broken.

    `before` is an earlier version of the same playlist.
    """
    lines = _lines(text)
    _require_tags(lines, MEDIA_TAGS, ONCE_IN_MEDIA)
    read = m3u8.loads(text)
    assert not read.is_variant
    assert int(read.version) >= MAP_VERSION
    assert (read.media_sequence, read.playlist_type) == (0, "event")
    assert read.start is not None
    assert read.start.time_offset == 0
    (first_map,) = [number for number, line in enumerate(lines) if line.startswith("#EXT-X-MAP")]
    uris = [number for number, line in enumerate(lines) if not line.startswith("#")]
    assert all(number > first_map for number in uris), "4.3.2.5: a map applies to the segments after it"
    assert all(lines[number - 1].startswith("#EXTINF:") for number in uris), "4.3.2.1: required for each segment"
    assert sum(line.startswith("#EXTINF") for line in lines) == len(uris) == len(read.segments)
    target = Decimal(read.target_duration)
    for line in lines:
        if line.startswith("#EXTINF:"):
            seconds = Decimal(line.removeprefix("#EXTINF:").rstrip(","))
            assert seconds > 0
            assert seconds.quantize(Decimal(1), ROUND_HALF_UP) <= target, "4.3.3.1"
    assert (END in lines) == bool(read.is_endlist)
    assert END not in lines[:-1], "our own rule: the end is the last line"
    if before is not None:
        _require_growth(before, text)
    segments = tuple((each.uri, each.duration) for each in read.segments)
    return Media(read.segment_map[0].uri, segments, END in lines)


def _require_growth(before: str, text: str) -> None:
    """Rule 6.2.1: in a playlist of type EVENT, lines may only be added at the end; after the end tag nothing may
    change.
    """
    assert text.startswith(before)
    assert END not in before or text == before


def _lines(text: str) -> list[str]:
    assert "\r" not in text
    assert not text.startswith("\ufeff"), "4.1: no byte order mark"
    assert text.endswith("\n")
    lines = text.splitlines()
    assert lines[0] == "#EXTM3U", "4.3.1.1: the first line"
    assert all(lines), "our own rule: no empty line"
    return lines


def _require_tags(lines: list[str], known: frozenset[str], once: tuple[str, ...]) -> None:
    tags = Counter(line.partition(":")[0] for line in lines if line.startswith("#"))
    assert tags.keys() <= known, "4.3.3, 4.3.4: the tags of the other kind must not appear"
    assert [tags[tag] for tag in once] == [1] * len(once)
