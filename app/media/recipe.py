"""The declared renditions of a photo, and the hash of all recipes, which is part of S3 keys."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import assert_never

from app.media.video.recipe import declaration as video_declaration

# Increment it if the code makes other pixels from the same declaration: the hash must change, or old and new files mix.
CODE_VERSION = 1

# libwebp's method. 4 costs 1.7 times the CPU seconds of 2 and saves 3 % of the bytes.
WEBP_EFFORT = 2


class FileFormat(StrEnum):
    WEBP = "webp"
    JPEG = "jpeg"


@dataclass(frozen=True, slots=True)
class RenditionRecipe:
    """One file: never larger than the original, at most `longest_edge` pixels on its longest edge."""

    name: str
    format: FileFormat
    longest_edge: int
    quality: int

    @property
    def file(self) -> str:
        match self.format:
            case FileFormat.WEBP:
                return f"{self.name}.webp"
            case FileFormat.JPEG:
                return f"{self.name}.jpg"
        assert_never(self.format)

    @property
    def content_type(self) -> str:
        return f"image/{self.format.value}"


# Each is made from the previous one, so sizes never grow. 2048 fills a laptop's screen, and a phone's at its full
# density; 1024 is a phone's width; 400 is a tile of the gallery at twice its CSS pixels.
RECIPE = (
    RenditionRecipe("large", FileFormat.WEBP, longest_edge=2048, quality=80),
    RenditionRecipe("fallback", FileFormat.JPEG, longest_edge=2048, quality=82),
    RenditionRecipe("medium", FileFormat.WEBP, longest_edge=1024, quality=80),
    RenditionRecipe("small", FileFormat.WEBP, longest_edge=400, quality=80),
)


@dataclass(frozen=True, slots=True)
class LoopRecipe:
    """The video of an animation. A longer one is cut, a larger one is scaled; a tick is 10 ms."""

    longest_edge: int = 1280
    most_seconds: int = 300
    most_frames: int = 6_000
    most_pixels: int = 25_000_000
    most_decoded_pixels: int = 3_000_000_000
    most_encoded_pixels: int = 2_000_000_000
    least_step_ticks: int = 2
    preset: str = "veryfast"
    quality: int = 23
    """On x264's own scale."""


LOOP = LoopRecipe()


def recipe_hash(recipe: tuple[RenditionRecipe, ...] = RECIPE) -> str:
    """Return twelve hex digits that change with any declaration, including the video's."""
    images = [asdict(rendition) for rendition in recipe]
    declaration = [CODE_VERSION, WEBP_EFFORT, images, asdict(LOOP), video_declaration()]
    return hashlib.sha256(json.dumps(declaration, sort_keys=True).encode()).hexdigest()[:12]
