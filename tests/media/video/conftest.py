"""Films are made once in a run; decoders live as long as a test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.media.decoders import Decoders
from tests.media.video.films import FILMS, FilmMaker, make


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> FilmMaker:
    """A film by its name."""
    folder = tmp_path_factory.mktemp("films")
    return lambda name: make(folder, FILMS[name])


@pytest.fixture
async def decoders() -> AsyncIterator[Decoders]:
    decoders = Decoders.start(slots=2)
    try:
        yield decoders
    finally:
        await decoders.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scratch folder of a job."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch
