"""Sample videos, encoded once in a run."""

import pytest

from tests.media.video.sample_videos import VIDEOS, MakeVideo, make


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> MakeVideo:
    """A function that returns a video by its name."""
    folder = tmp_path_factory.mktemp("films")
    return lambda name: make(folder, VIDEOS[name])
