"""HLS playlists (RFC 8216): what a rung's encoder and its worker wrote, and how players get it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.items.row import Ladder

VERSION = 7
_HEAD = ("#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS")
_START = "#EXT-X-START:TIME-OFFSET=0"
"""A player of a growing list would else begin near its end, as with a broadcast."""
_END = "#EXT-X-ENDLIST"
_MAP = re.compile(r'^#EXT-X-MAP:(?:[^\n]*,)?URI="([^"\n]+)"', re.MULTILINE)
_TARGET = re.compile(r"^#EXT-X-TARGETDURATION:(\d{1,6})$", re.MULTILINE)
_SEGMENT = re.compile(r"^#EXTINF:(\d{1,6}(?:\.\d{1,9})?),[^\n]*\n(?:#[^\n]*\n)*([^#\s][^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Segment:
    """`seconds` as it was written, because the sum of thousands must not drift."""

    file: str
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """One rung's files, named relative to the playlist."""

    initialisation: str
    target_seconds: int
    segments: tuple[Segment, ...]
    ended: bool

    @property
    def files(self) -> tuple[str, ...]:
        return (self.initialisation, *(segment.file for segment in self.segments))


def read_playlist(text: str) -> MediaPlaylist | None:
    """None while it names no initialisation. Whatever else it says is left out."""
    initialisation, target = _MAP.search(text), _TARGET.search(text)
    if initialisation is None:
        return None
    segments = tuple(Segment(file, Decimal(seconds)) for seconds, file in _SEGMENT.findall(text))
    return MediaPlaylist(initialisation[1], int(target[1]) if target else 0, segments, _END in text.splitlines())


def write_playlist(playlist: MediaPlaylist) -> str:
    """Written again with more segments, it differs by the lines at its end only."""
    lines = [
        *_HEAD,
        f"#EXT-X-TARGETDURATION:{playlist.target_seconds}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        _START,
        f'#EXT-X-MAP:URI="{playlist.initialisation}"',
    ]
    for segment in playlist.segments:
        lines += (f"#EXTINF:{segment.seconds:f},", segment.file)
    return _text([*lines, _END] if playlist.ended else lines)


def signed_playlist(text: str, url: Callable[[str], str], *, ended: bool) -> str:
    """The same with `url` of each file. Raises ValueError for what no worker of ours wrote."""
    playlist = read_playlist(text)
    if playlist is None:
        raise ValueError("a playlist without an initialisation")
    segments = tuple(Segment(url(segment.file), segment.seconds) for segment in playlist.segments)
    return write_playlist(MediaPlaylist(url(playlist.initialisation), playlist.target_seconds, segments, ended))


def main_playlist(ladder: Ladder, url: Callable[[str], str]) -> str:
    """All rungs, the smallest first: players begin with the first one. `url` takes a rung's name.

    Where to start is said in each rung's list only: FFmpeg takes a main playlist that says it for a media playlist.
    """
    lines = [*_HEAD]
    for rung in ladder.rungs:
        attributes = [
            f"BANDWIDTH={rung.bandwidth}",
            *([f"AVERAGE-BANDWIDTH={rung.average_bandwidth}"] if rung.average_bandwidth else []),
            f'CODECS="{rung.codecs}"',
            f"RESOLUTION={rung.width}x{rung.height}",
            f"FRAME-RATE={ladder.frame_rate:.3f}",
        ]
        lines += (f"#EXT-X-STREAM-INF:{','.join(attributes)}", url(rung.name))
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
