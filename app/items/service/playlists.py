"""HLS playlists (RFC 8216): read what an encoder wrote, write what players get."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.items.schema.row import Ladder

VERSION = 7
_HEAD = ("#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS")
_START = "#EXT-X-START:TIME-OFFSET=0"
"""Without it a player starts a growing list near its end, as with a live broadcast."""
_END = "#EXT-X-ENDLIST"
_MAP = re.compile(r'^#EXT-X-MAP:(?:[^\n]*,)?URI="([^"\n]+)"', re.MULTILINE)
_TARGET = re.compile(r"^#EXT-X-TARGETDURATION:(\d{1,6})$", re.MULTILINE)
_SEGMENT = re.compile(r"^#EXTINF:(\d{1,6}(?:\.\d{1,9})?),[^\n]*\n(?:#[^\n]*\n)*([^#\s][^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Segment:
    """`seconds` is a Decimal as written, because the sum of thousands of floats would drift."""

    file: str
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """The files of one rung, named relative to the playlist."""

    initialisation: str
    target_seconds: int
    segments: tuple[Segment, ...]
    ended: bool

    @property
    def files(self) -> tuple[str, ...]:
        """All files that a player needs: the initialisation segment first."""
        return (self.initialisation, *(segment.file for segment in self.segments))


def read_playlist(text: str) -> MediaPlaylist | None:
    """Parse a media playlist; unknown tags are dropped. Returns None if it has no EXT-X-MAP yet."""
    initialisation, target = _MAP.search(text), _TARGET.search(text)
    if initialisation is None:
        return None
    segments = tuple(Segment(file, Decimal(seconds)) for seconds, file in _SEGMENT.findall(text))
    return MediaPlaylist(initialisation[1], int(target[1]) if target else 0, segments, _END in text.splitlines())


def write_playlist(playlist: MediaPlaylist) -> str:
    """Serialise the playlist. With more segments, only the last lines differ."""
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
    """Return the playlist with each file replaced by `url(file)`. Raises ValueError if it has no EXT-X-MAP."""
    playlist = read_playlist(text)
    if playlist is None:
        raise ValueError("a playlist without an initialisation")
    segments = tuple(Segment(url(segment.file), segment.seconds) for segment in playlist.segments)
    return write_playlist(MediaPlaylist(url(playlist.initialisation), playlist.target_seconds, segments, ended))


def main_playlist(ladder: Ladder, url: Callable[[str], str]) -> str:
    """Return the main playlist. The smallest rung comes first, because players begin with the first one. `url` takes
    a rung's name.

    EXT-X-START is in the rungs' playlists only: FFmpeg takes a main playlist with it for a media playlist.
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
