"""The declared ladder of a video, and the layout of its storyboard."""

from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from app.media.results import VideoFacts

# Increment it if the code makes other files from the same declaration, as in the photo's recipe.
CODE_VERSION = 1

SEGMENT_SECONDS = 2
MAX_FRAMES_PER_SECOND = 60

# A rung is named by its shorter edge, as is usual: a phone held upright records in 1080p, too.
STANDARD_EDGES = (360, 720)
MAX_SHORT_EDGE = 1080
MAX_EDGE = 4096
# A rung closer than this to the next larger one costs its encoding and saves hardly any bandwidth.
STEP_BETWEEN_RUNGS = Fraction(4, 5)

AUDIO_BITS_PER_SECOND = 128_000
AUDIO_HERTZ = 48_000


@dataclass(frozen=True, slots=True)
class Quality:
    """x264's settings for rungs whose shorter edge is at most `edge`.

    `crf` decides in quiet scenes, `most_kilobits` (per second, over two seconds) in busy ones, at 30 frames a second.
    """

    edge: int
    preset: str
    crf: int
    most_kilobits: int


# The small rungs are for small screens, so they may be coarser; the largest is also the MP4 for download.
QUALITIES = (
    Quality(edge=400, preset="veryfast", crf=24, most_kilobits=900),
    Quality(edge=600, preset="veryfast", crf=23, most_kilobits=1_800),
    Quality(edge=800, preset="veryfast", crf=23, most_kilobits=3_200),
    Quality(edge=MAX_SHORT_EDGE, preset="veryfast", crf=22, most_kilobits=6_500),
)


@dataclass(frozen=True, slots=True)
class Level:
    """H.264, table A-1: macroblocks per second and per frame."""

    number: int
    rate: int
    frame: int


LEVELS = (
    Level(30, 40_500, 1_620),
    Level(31, 108_000, 3_600),
    Level(32, 216_000, 5_120),
    Level(40, 245_760, 8_192),
    Level(42, 522_240, 8_704),
    Level(51, 983_040, 36_864),
    Level(52, 2_073_600, 36_864),
)


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the ladder; its segments contain the audio if there is any."""

    name: str
    width: int
    height: int
    quality: Quality
    level: int
    max_bits_per_second: int
    """Peak of video and audio: BANDWIDTH of the main playlist."""
    codecs: str
    """RFC 6381, as the main playlist and Media Source Extensions require it."""


def ladder_of(facts: VideoFacts) -> tuple[Rung, ...]:
    """Return the rungs from the smallest to the largest, which has the original's own size, up to 1080p."""
    largest = min(facts.width, facts.height, MAX_SHORT_EDGE)
    long_edge = max(facts.width, facts.height) * largest / min(facts.width, facts.height)
    if long_edge > MAX_EDGE:
        largest = max(1, round(largest * MAX_EDGE / long_edge))
    edges = [edge for edge in STANDARD_EDGES if edge <= largest * STEP_BETWEEN_RUNGS]
    return tuple(_rung(facts, edge) for edge in (*edges, largest))


def _rung(facts: VideoFacts, edge: int) -> Rung:
    scale = Fraction(edge, min(facts.width, facts.height))
    width, height = _even(facts.width * scale), _even(facts.height * scale)
    quality = next(quality for quality in QUALITIES if edge <= quality.edge)
    rate = Fraction(facts.output_rate)
    level = _level(width, height, rate)
    kilobits = quality.most_kilobits * (3 if rate > 30 else 2) // 2
    sound = AUDIO_BITS_PER_SECOND if facts.has_audio else 0
    codecs = f"avc1.6400{level:02x}" + (",mp4a.40.2" if facts.has_audio else "")
    return Rung(f"{edge}p", width, height, quality, level, kilobits * 1000 + sound, codecs)


def _even(edge: Fraction) -> int:
    """Round down to even, since 4:2:0 halves both edges; a single pixel becomes two."""
    return max(2, int(edge) // 2 * 2)


def _level(width: int, height: int, rate: Fraction) -> int:
    blocks = ceil(width / 16) * ceil(height / 16)
    fitting = (level for level in LEVELS if blocks <= level.frame and blocks * rate <= level.rate)
    return next(fitting, LEVELS[-1]).number


@dataclass(frozen=True, slots=True)
class StoryboardRecipe:
    """Images for the player's preview. A long video has a longer interval, not more tiles."""

    most_tiles: int = 100
    tiles_per_row: int = 10
    longest_edge: int = 160
    least_interval_seconds: int = 1
    quality: int = 5
    """On mjpeg's own scale, 2 (best) to 31."""


STORYBOARD = StoryboardRecipe()


def declaration() -> list[Any]:
    """Return the input of the recipe's hash."""
    return [
        CODE_VERSION,
        [SEGMENT_SECONDS, MAX_FRAMES_PER_SECOND, *STANDARD_EDGES, MAX_SHORT_EDGE, MAX_EDGE, str(STEP_BETWEEN_RUNGS)],
        [AUDIO_BITS_PER_SECOND, AUDIO_HERTZ],
        [asdict(quality) for quality in QUALITIES],
        asdict(STORYBOARD),
    ]
