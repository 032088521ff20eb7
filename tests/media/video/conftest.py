"""Films are made once in a run; decoders live as long as a test."""

import pytest

from tests.media.video.films import FILMS, FilmMaker, make


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> FilmMaker:
    """A film by its name."""
    folder = tmp_path_factory.mktemp("films")
    return lambda name: make(folder, FILMS[name])
