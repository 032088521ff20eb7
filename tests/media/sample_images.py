"""The sample images, and assertions about a finished rendition."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from app.media.image.renditions import make_image
from app.media.results import MadeImage

FILES = Path(__file__).parent / "files"

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

Colour = tuple[int, ...]


def sample(name: str) -> Path:
    return FILES / name


def make(source: Path, folder: Path) -> MadeImage:
    """Make the renditions in this process, as a child does."""
    return make_image(source, folder, on_probe=lambda probe: None)


def quadrants(file: Path, mode: str = "RGB") -> list[Colour]:
    """Return the colours at the centres of the quarters: above left, above right, below left, below right."""
    with Image.open(file) as image:
        converted = image.convert(mode)
        width, height = converted.size
        return [
            tuple(converted.getpixel((width * across // 4, height * down // 4)))  # type: ignore[arg-type]  # a tuple in these modes
            for down in (1, 3)
            for across in (1, 3)
        ]


def are_close(actual: Sequence[Colour], expected: Sequence[Colour], tolerance: int = 6) -> bool:
    """Return whether the colours differ by at most `tolerance`: lossy files never hit a colour exactly."""
    return all(
        abs(one - other) <= tolerance
        for a, b in zip(actual, expected, strict=True)
        for one, other in zip(a, b, strict=True)
    )


def assert_ink_became_light(file: Path) -> None:
    """Assert the colours of a CMYK sample, whose corners were printed in red, green, blue and no ink."""
    red, green, blue, white = quadrants(file)
    assert red[0] > 200
    assert max(red[1:]) < 60
    assert green[1] > max(green[0], green[2]) + 60
    assert blue[2] > max(blue[:2]) + 60
    assert are_close([white], [WHITE])
