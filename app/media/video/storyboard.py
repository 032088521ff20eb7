"""The storyboard: one image of small tiles, and a WebVTT track that maps seconds to tiles."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from app.media.results import VideoFacts
from app.media.video.recipe import STORYBOARD

# A hundredth of an interval: sums of seconds written with six decimals are not exact.
ROUNDING = 1e-2
SPRITE_FILE, TRACK_FILE = "storyboard.jpg", "storyboard.vtt"


@dataclass(frozen=True, slots=True)
class Storyboard:
    """Tiles row by row; each is the first frame of its interval."""

    interval_seconds: int
    frame_seconds: float
    tiles: int
    columns: int
    rows: int
    tile_width: int
    tile_height: int

    @property
    def width(self) -> int:
        """Width of the whole sheet in pixels."""
        return self.columns * self.tile_width

    @property
    def height(self) -> int:
        """Height of the whole sheet in pixels."""
        return self.rows * self.tile_height

    def track(self, seconds: float) -> str:
        """Return WebVTT for what was actually made: a file may end earlier than its header states."""
        made = min(self.tiles, _tiles(seconds, self.frame_seconds, self.interval_seconds))
        cues = []
        for tile in range(made):
            start = tile * self.interval_seconds
            end = start + self.interval_seconds if tile < made - 1 else seconds
            left, top = tile % self.columns * self.tile_width, tile // self.columns * self.tile_height
            place = f"{SPRITE_FILE}#xywh={left},{top},{self.tile_width},{self.tile_height}"
            cues.append(f"{_moment(start)} --> {_moment(end)}\n{place}\n")
        return "\n".join(["WEBVTT\n", *cues])


def storyboard_of(facts: VideoFacts) -> Storyboard:
    """Return the layout; it depends on the facts and the recipe only."""
    interval = max(STORYBOARD.least_interval_seconds, ceil(facts.duration_seconds / STORYBOARD.most_tiles))
    frame = float(1 / Fraction(facts.output_rate))
    tiles = min(STORYBOARD.most_tiles, _tiles(facts.duration_seconds, frame, interval))
    columns = min(tiles, STORYBOARD.tiles_per_row)
    long_edge = max(facts.width, facts.height)
    width, height = (
        max(2, round(edge * STORYBOARD.longest_edge / long_edge) // 2 * 2) for edge in (facts.width, facts.height)
    )
    return Storyboard(interval, frame, tiles, columns, ceil(tiles / columns), width, height)


def _tiles(seconds: float, frame_seconds: float, interval_seconds: int) -> int:
    """Return the number of intervals in which a frame begins."""
    return int(max(0.0, seconds - frame_seconds) / interval_seconds + ROUNDING) + 1


def _moment(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
