"""What a job needs: decoders and a scratch folder."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.media.decoders import Decoders
from tests.media.sample_images import sample


@pytest_asyncio.fixture(scope="module")
async def decoders(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Decoders]:
    """The decoders of a module: to start them takes 0.7 s of CPU."""
    decoders = Decoders.start(slots=2)
    try:
        await wait_for_template(decoders, tmp_path_factory.mktemp("first"))
        yield decoders
    finally:
        await decoders.aclose()


async def wait_for_template(decoders: Decoders, parent: Path) -> None:
    """Return when the template has started: from then on a child needs no time limit of seconds."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        await decoders.make_image(sample("orientation_1.jpg"), Path(folder), limit_seconds=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scratch folder of a job."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch
