"""Polls the encoder's output; uses nothing that was not checked."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from app.media.video.commands import ENCODERS_LIST, PROGRESS_FILE
from app.media.video.files import ends_with_box, is_whole
from app.media.video.recipe import SEGMENT_SECONDS, Rung

# Four hours of segments take 300 KB of playlist; a correct encoder never writes more than this.
MAX_LIST_BYTES = 2 * 1024 * 1024
PROGRESS_TAIL_BYTES = 2048

_CLOCK = re.compile(r"^out_time_us=(\d{1,15})$", re.MULTILINE)
_SEGMENT = re.compile(r"#EXTINF:(\d{1,3}\.\d{1,9}),\n([^\n]+)\n")
_END = "#EXT-X-ENDLIST"
# The muxer exits with 0 and lists its segments even if it could write only a part of them.
_LAST_BOXES = {".mp4": b"moov", ".m4s": b"mdat"}


class Implausible(Exception):
    """The encoder's own playlist differs from what our command produces."""


@dataclass(slots=True)
class RungWatch:
    """The known files of one rung."""

    rung: str
    reported: int = 0
    seconds: float = 0.0
    ended: bool = False
    lines: list[str] = field(default_factory=list)
    seen: tuple[int, int] = (0, 0)

    @property
    def playlist(self) -> str:
        return f"{self.rung}.m3u8"

    def poll(self, folder: Path) -> list[Path]:
        """Return the new files; if there are any, the playlist is rewritten and comes last."""
        encoders = folder / f"{self.rung}{ENCODERS_LIST}"
        try:
            state = encoders.stat()
        except FileNotFoundError:
            return []
        if (state.st_mtime_ns, state.st_size) == self.seen or state.st_size > MAX_LIST_BYTES:
            return []
        text = encoders.read_text(encoding="ascii", errors="replace")
        segments = _SEGMENT.findall(text)
        fresh = [] if self.reported else [f"{self.rung}_init.mp4"]
        for number, (seconds, name) in enumerate(segments[self.reported :], self.reported):
            if name != f"{self.rung}_{number:05}.m4s" or round(float(seconds)) > SEGMENT_SECONDS:
                raise Implausible(self.rung)
            fresh.append(name)
            self.seconds += float(seconds)
            self.lines += (f"#EXTINF:{seconds},", name)
        if not segments:
            return []
        ended = _END in text
        if len(segments) < self.reported:
            raise Implausible(self.rung)
        if len(segments) == self.reported and ended == self.ended:
            return []
        self.reported, self.ended, self.seen = len(segments), ended, (state.st_mtime_ns, state.st_size)
        files = [folder / name for name in fresh]
        if not all(is_whole(file) and ends_with_box(file, _LAST_BOXES[file.suffix]) for file in files):
            raise Implausible(self.rung)
        return [*files, self._write(folder)]

    def _write(self, folder: Path) -> Path:
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}",
            "#EXT-X-MEDIA-SEQUENCE:0",
            "#EXT-X-PLAYLIST-TYPE:EVENT",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f'#EXT-X-MAP:URI="{self.rung}_init.mp4"',
            *self.lines,
            *([_END] if self.ended else []),
        ]
        path = folder / self.playlist
        path.write_text("\n".join(lines) + "\n")
        return path


class LadderWatch:
    """Watches the encoder's folder for segments that are complete."""

    def __init__(self, folder: Path, ladder: tuple[Rung, ...]) -> None:
        self._folder = folder
        self._rungs = tuple(RungWatch(rung.name) for rung in ladder)
        self.encoded_seconds = 0.0

    @property
    def complete(self) -> bool:
        """True if every rung has its end."""
        return all(rung.ended for rung in self._rungs)

    @property
    def began(self) -> bool:
        """True if the encoder has begun a rung. It begins none if it can decode nothing."""
        return any(True for rung in self._rungs for _ in self._folder.glob(f"{rung.rung}*"))

    @property
    def made_seconds(self) -> float:
        """Length in seconds of the shortest rung so far."""
        return min(rung.seconds for rung in self._rungs)

    def poll(self) -> tuple[Path, ...]:
        """Return the files since the last poll, all rungs' segments before any playlist. Raises Implausible."""
        paths = [path for rung in self._rungs for path in rung.poll(self._folder)]
        # The encoder reports no position before all of its outputs have begun, and the storyboard begins at the end.
        self.encoded_seconds = max(self.encoded_seconds, self._clock(), self.made_seconds)
        return tuple(sorted(paths, key=lambda path: path.suffix == ".m3u8"))

    def _clock(self) -> float:
        """Return the encoder's position in the video, in seconds."""
        try:
            with (self._folder / PROGRESS_FILE).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - PROGRESS_TAIL_BYTES))
                tail = file.read(PROGRESS_TAIL_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return 0.0
        times = _CLOCK.findall(tail)
        return int(times[-1]) / 1_000_000 if times else 0.0
